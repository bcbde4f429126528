"""What one config may cost: limits that no config comes near, each with an error of its own."""

MAX_BYTES = 2_000_000
"""How large a config file may be, unless more is allowed: `file-too-large`."""

MAX_KEY = 1000
"""How many characters a key of a file may have: every problem below it repeats it."""

MAX_PROBLEMS = 1000
"""How many problems of one config are collected: then `too-many-problems`, and no more is read."""

TOO_MANY_PROBLEMS = f"more than {MAX_PROBLEMS} problems: these were looked at, and the rest was not"

MAX_LOCK_BYTES = 10_000_000
"""How large a lock file may be: `unusable-lockfile`."""
