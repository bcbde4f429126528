"""The embedded default: a small model and a real kernel repository for the CPU, end to end."""
