"""What is pinned, from data alone: locks, whether they are in step, and files on this machine."""
