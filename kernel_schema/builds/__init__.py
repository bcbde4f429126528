"""What a kernel repository holds, read without running it: builds, metadata, layers."""
