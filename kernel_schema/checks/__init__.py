"""Does a config fit, as it stands and for a model: one small function for each question."""
