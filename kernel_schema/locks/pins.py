"""What a config, or another kernel, asks of a repository: a version or a revision of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_schema.schema.rules import HubKernel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_schema.schema.rules import Rule

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Pin:
    """A version or a revision of a kernel repository.

    Args:
        repo_id: `org/repo`.
        version: Kernel version; exactly one of `version` and `revision` is set.
        revision: Git branch, tag or commit.

    >>> print(Pin("org/repo", version=1), Pin("org/repo", revision="main"))
    org/repo@v1 org/repo@main
    """

    repo_id: str
    version: int | None = None
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.ref}"

    @property
    def ref(self) -> str:
        """The git ref that it means: a version is the branch `v<version>`."""
        return f"v{self.version}" if self.revision is None else self.revision

    @property
    def publisher(self) -> str:
        """The organisation, or user, whose repository it is."""
        return self.repo_id.partition("/")[0]

    @property
    def order(self) -> tuple[str, bool, int, str]:
        """Where it stands among others: by repository, versions before revisions."""
        return self.repo_id, self.version is None, self.version or 0, self.revision or ""


def is_commit(text: str) -> bool:
    """Whether a revision is a whole commit id, so that it means the same for ever.

    >>> is_commit("0" * 40), is_commit("main"), is_commit("abcdef0")
    (True, False, False)
    """
    return _COMMIT.fullmatch(text) is not None


def pin_of(kernel: object) -> Pin | None:
    """What a kernel asks of the Hub; None for one on disk, or pinned by a lock file of its own."""
    if not isinstance(kernel, HubKernel) or kernel.lockfile is not None:
        return None
    return Pin(kernel.repo_id, kernel.version, kernel.revision)


def pins_of(rules: Iterable[Rule]) -> dict[Pin, list[Rule]]:
    """What a config asks of the Hub, each with the rules that do.

    >>> from kernel_schema import KernelConfig, expand
    >>> config = KernelConfig({"A": "org/a:L", "B": {"cpu": "org/a@v1:M", "cuda": "./disk:L"}})
    >>> {str(pin): len(rules) for pin, rules in pins_of(expand(config)).items()}
    {'org/a@v1': 2}
    """
    asking: dict[Pin, list[Rule]] = {}
    for rule in rules:
        pin = pin_of(rule.kernel)
        if pin is not None:
            asking.setdefault(pin, []).append(rule)
    return asking
