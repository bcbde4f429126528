"""Write the two files in `schemas/`, from `kernel_schema/json_schemas/`.

Run as `python tests/json_schema/update.py`. Read what changed as you would read code: editors and
validators of users hold files against it.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kernel_schema.json_schemas.build import build
from kernel_schema.json_schemas.shipped import FILES, render

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def update() -> None:
    """Write both files, and say which of them changed."""
    for profile, name in FILES.items():
        path = SCHEMAS / name
        text = render(build(profile))
        changed = not path.exists() or path.read_bytes() != text.encode()
        path.write_text(text, encoding="utf-8", newline="\n")
        sys.stdout.write(f"schemas/{name}: {'changed' if changed else 'up to date'}\n")


if __name__ == "__main__":
    update()
