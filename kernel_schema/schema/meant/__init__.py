"""What was meant by what cannot stand in a config: most of it is loaded once something is wrong."""
