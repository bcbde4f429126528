"""Fuzzing: what must hold for any input, and targets that look for input where it does not."""
