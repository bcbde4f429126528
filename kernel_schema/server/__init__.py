"""The language server: what an editor asks, answered from the text that is being written."""
