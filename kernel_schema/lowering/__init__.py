"""The model-aware pass: check, lower, kernelize and audit."""
