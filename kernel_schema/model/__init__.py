"""What a torch model registers and what it runs on; nothing here knows kernels."""
