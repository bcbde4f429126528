"""Which rule decides what runs, and why not another: pure functions over rules."""
