"""What of the corpus is no test: the model, which needs torch, and the script that updates it."""

from __future__ import annotations

collect_ignore = ["invalid", "update.py"]
