"""What a user may write: pydantic models, and nothing of torch, kernels or files."""
