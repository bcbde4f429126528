"""What an organisation allows: a file of its own, and what of a config and its lock breaks it."""
