"""Text into plain values, with the position of each key and value: YAML, JSON and TOML."""
