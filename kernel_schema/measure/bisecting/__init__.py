"""Which kernel is guilty: the search, what is switched, and the command that judges a trial."""
