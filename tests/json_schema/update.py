"""Write the two files in `schemas/`, from `kernel_schema/json_schemas/`, and the project's address.

Run as `python tests/json_schema/update.py`. Read what changed as you would read code: editors and
validators of users hold files against it. The address is stated in `pyproject.toml` alone.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

if sys.version_info >= (3, 11):
    from tomllib import loads
else:
    from tomli import loads

ROOT: Final = Path(__file__).resolve().parents[2]
SCHEMAS: Final = ROOT / "schemas"
ADDRESSES: Final = ROOT / "kernel_schema" / "addresses.py"
_ADDRESS: Final = re.compile(r'(?<=^PROJECT: Final = ")[^"\n]*(?="$)', re.MULTILINE)
_REPOSITORY: Final = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+")


def project_url(pyproject: str) -> str:
    """The `Homepage` of `[project.urls]`.

    Raises:
        ValueError: If it is no repository on GitHub: files and pages have their addresses there.
    """
    url = loads(pyproject)["project"]["urls"]["Homepage"]
    if _REPOSITORY.fullmatch(url) is None:
        raise ValueError(f"{url} is no repository on GitHub")
    return url


def with_address(module: str, url: str) -> str:
    """The text of `kernel_schema/addresses.py` with an address in it."""
    text, count = _ADDRESS.subn(url, module)
    if count != 1:
        raise ValueError(f"{ADDRESSES.name} needs one line `PROJECT: Final = ...`")
    return text


def update() -> None:
    """Write all three, and say which of them changed."""
    url = project_url((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    _write(ADDRESSES, with_address(ADDRESSES.read_text(encoding="utf-8"), url))
    # Imported only now: they state the address.
    from kernel_schema.json_schemas.build import build
    from kernel_schema.json_schemas.shipped import FILES, render

    for profile, name in FILES.items():
        _write(SCHEMAS / name, render(build(profile)))


def _write(path: Path, text: str) -> None:
    changed = not path.exists() or path.read_bytes() != text.encode()
    path.write_text(text, encoding="utf-8", newline="\n")
    relative = path.relative_to(ROOT).as_posix()
    sys.stdout.write(f"{relative}: {'changed' if changed else 'up to date'}\n")


if __name__ == "__main__":
    # The package may not be installed where this is run from.
    sys.path.insert(0, str(ROOT))
    update()
