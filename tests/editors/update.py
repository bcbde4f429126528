"""Writes what the language services say into `golden/`: `python -m tests.editors.update`."""

from __future__ import annotations

import json

from tests.editors.harness import GOLDEN, SERVICES, golden


def main() -> None:
    """Write one file for each service."""
    GOLDEN.mkdir(exist_ok=True)
    for service in SERVICES:
        text = json.dumps(golden(service), indent=2, ensure_ascii=False) + "\n"
        (GOLDEN / f"{service}.json").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
