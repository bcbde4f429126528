"""Config files in YAML, JSON and TOML: read, with the place of each key and value, and written."""
