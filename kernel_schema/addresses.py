"""Where the project is on the web: a page for each code, files as they are."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# Of `[project.urls]` in pyproject.toml, from where `python tests/json_schema/update.py` writes it:
# the metadata of an installed package are not there in an archive, and slow to read.
PROJECT: Final = "https://github.com/kernel-schema/kernel-schema"
_BRANCH: Final = "main"


def page_of(code: str) -> str:
    """Where a code is explained.

    >>> page_of("yaml-tab").removeprefix(PROJECT)
    '/blob/main/schemas/codes.md#yaml-tab'
    """
    return f"{PROJECT}/blob/{_BRANCH}/schemas/codes.md#{code}"


def raw_file(path: str) -> str:
    """Where programs get a file of the repository, by its path from the root.

    >>> raw_file("schemas/a.json").rpartition("/kernel-schema/")[2]
    'main/schemas/a.json'
    """
    repository = PROJECT.removeprefix("https://github.com/")
    return f"https://raw.githubusercontent.com/{repository}/{_BRANCH}/{path}"
