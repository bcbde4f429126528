"""Which files are taken for configs without being named: by their names, or by a table in them."""

from __future__ import annotations

import os
import re
from fnmatch import translate
from functools import cache
from typing import Final

from kernel_schema.files.inner import MISNAMED, SETTINGS, TABLE, misnamed_table
from kernel_schema.typeguards import is_table

_ENDINGS: Final = ("yaml", "yml", "json", "toml")
PATTERNS: Final = tuple(
    f"{stem}.{ending}" for stem in ("kernels", "*.kernels") for ending in _ENDINGS
)
"""The names under which a directory is searched, besides `pyproject.toml` with our table."""

_OURS: Final = re.compile(MISNAMED.pattern.encode(), re.IGNORECASE)


def is_config_name(name: str) -> bool:
    """Whether a file of such a name is a config: `kernels.yaml`, `fleet.kernels.json`.

    What the file system tells apart counts, on each system.

    >>> is_config_name("kernels.toml"), is_config_name("values.yaml")
    (True, False)
    """
    return _patterns().match(os.path.normcase(name)) is not None


@cache
def _patterns() -> re.Pattern[str]:
    return re.compile("|".join(translate(os.path.normcase(pattern)) for pattern in PATTERNS))


def states_config(raw: bytes) -> bool:
    """Whether a `pyproject.toml` has our table, or cannot be read and tries to.

    >>> states_config(b"[tool.kernel-schema.kernel_mapping]"), states_config(b"[project]")
    (True, False)
    """
    if _OURS.search(raw) is None:
        return False
    # Imported here: most calls name their files.
    from kernel_schema.files.toml import read_toml

    try:
        parsed = read_toml(raw.decode("utf-8"), allow_empty=True)
    except ValueError:
        return str(TABLE).encode() in raw
    table = parsed.sub(TABLE.steps)
    if table is None:
        return misnamed_table(parsed) is not None
    # Settings alone are no config.
    return not is_table(table.value) or list(table.value) != [SETTINGS]
