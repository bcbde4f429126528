"""One config of several files: what `extends` means."""
