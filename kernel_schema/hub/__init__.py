"""The only room that asks the Hub, and that imports huggingface_hub; no code of a kernel runs."""
