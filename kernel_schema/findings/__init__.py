"""Which findings are shown, and how bad they are: by options, settings and comments."""
