"""Where other libraries come in: transformers."""
