"""Are the files there that a config names? One function for each kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kernel_schema.checks.refusals import unknown_home
from kernel_schema.diagnostics import Diagnostic
from kernel_schema.paths import home_path, is_directory, is_file, is_network_path, names_a_user
from kernel_schema.schema.rules import HubKernel, LocalKernel, Rule
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kernel_schema.choice.situation import Situation


def unknown_homes(situation: Situation) -> Iterator[Diagnostic]:
    """Paths in homes of other users: `missing-local-kernel`, `missing-lockfile`."""
    return filter(None, map(unknown_home, situation.rules))


def missing_local_kernels(situation: Situation) -> Iterator[Diagnostic]:
    """Local repositories that are not there: `missing-local-kernel`."""
    for path, rules in _by(situation.rules, _local_path).items():
        directory = home_path(path)
        if is_directory(directory) and is_directory(directory / "build"):
            continue
        lacks = "has no folder `build`, where kernels looks for it"
        if not is_directory(directory):
            looked_for = _quoted(str(directory.absolute()))
            lacks = "is not a directory" + _unless_absolute(path, f" (looked for {looked_for})")
        for rule in rules:
            yield Diagnostic(
                "missing-local-kernel",
                f"the kernel repository {_quoted(_from_here(path))} {lacks}",
                rule.route,
                help="relative paths start at the working directory, or at the config file "
                "where one is read",
            )


def _local_path(rule: Rule) -> str | None:
    return rule.kernel.path if isinstance(rule.kernel, LocalKernel) else None


def missing_lockfiles(situation: Situation) -> Iterator[Diagnostic]:
    """Lock files that are not there: `missing-lockfile`."""
    for path, rules in _by(situation.rules, _lockfile).items():
        if is_file(home_path(path)):
            continue
        for rule in rules:
            yield Diagnostic(
                "missing-lockfile",
                f"there is no lock file {_quoted(_from_here(path))}",
                rule.route,
                help="write it with `kernels lock`",
            )


def _lockfile(rule: Rule) -> str | None:
    return rule.kernel.lockfile if isinstance(rule.kernel, HubKernel) else None


def _quoted(path: str) -> str:
    """A path whole: what tells it from others is at its end."""
    return quote(path, longest=1000)


def _from_here(path: str) -> str:
    """A path as it is best shown: what lies below the working directory, from there."""
    if not Path(path).is_absolute():
        return path
    try:
        below = Path(path).relative_to(Path.cwd())
    except (OSError, ValueError):
        return path
    return f"./{below.as_posix()}"


def _unless_absolute(path: str, text: str) -> str:
    return "" if Path(path).is_absolute() else text


def _by(rules: Iterable[Rule], key: Callable[[Rule], str | None]) -> dict[str, list[Rule]]:
    """Rules by the path to which they refer, so that each file is looked at once.

    Left out is what is never looked at: other machines, and homes of other users.
    """
    groups: dict[str, list[Rule]] = {}
    for rule in rules:
        path = key(rule)
        if path is not None and not is_network_path(path) and not names_a_user(path):
            groups.setdefault(path, []).append(rule)
    return groups
