"""Runs of layers and models, with torch: what reaches them, what they give, how long they take."""
