"""Files: reading them with positions, and writing them."""
