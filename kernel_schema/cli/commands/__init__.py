"""The commands: a module for each, with a function `run`; `cli/table` says what they take."""
