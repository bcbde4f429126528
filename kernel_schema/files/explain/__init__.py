"""What a parser complains about, told in plain words: one engine, and a table for each format."""
