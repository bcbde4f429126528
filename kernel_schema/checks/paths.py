"""Are the files there that a config names?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import Diagnostic, Repair
from kernel_schema.paths import home_path, is_directory, is_file, is_network_path, names_a_user
from kernel_schema.schema.rules import LocalKernel
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_schema.choice.situation import Situation
    from kernel_schema.schema.rules import Rule


_START: Final = (
    "relative paths start at the working directory, or at the config file where one is read"
)


def missing_local_kernels(situation: Situation) -> Iterator[Diagnostic]:
    """Local repositories that are not there: `missing-local-kernel`."""
    for path, rules in _by_path((rule, kernel.path) for rule, kernel in situation.on_disk).items():
        # Imported with what there is to look at: not to check a file alone.
        from kernel_schema.builds.repository import is_repository

        directory = home_path(path)
        if is_repository(directory):
            continue
        lacks = "has no folder `build`, where kernels looks for it"
        if not is_directory(directory):
            lacks = "is not a directory"
            if not Path(path).is_absolute():
                lacks += f" (looked for {_quoted(str(directory.absolute()))})"
        from kernel_schema.near_paths import near_path

        near, variables = None, _help(path)
        if variables is None:
            near = near_path(path, situation.directory, lambda other: is_repository(Path(other)))
        for rule in rules:
            help_text, repair = variables or _START, None
            if near is not None and isinstance(rule.kernel, LocalKernel):
                meant = f"{near}:{rule.kernel.layer_name}"
                help_text = f"did you mean {_quoted(meant)}?"
                repair = Repair("replace", meant, safe=False)
            yield Diagnostic(
                "missing-local-kernel",
                f"the kernel repository {_quoted(from_here(path))} {lacks}",
                rule.route,
                help_text,
                repair=repair,
            )


def missing_lockfiles(situation: Situation) -> Iterator[Diagnostic]:
    """Lock files that are not there: `missing-lockfile`."""
    locked = ((rule, kernel.lockfile) for rule, kernel in situation.on_hub if kernel.lockfile)
    for path, rules in _by_path(locked).items():
        if is_file(home_path(path)):
            continue
        # Imported here: a path that is there needs none of it.
        from kernel_schema.near_paths import near_path

        help_text = _help(path)
        if help_text is None and (near := near_path(path, situation.directory, is_file)):
            help_text = f"did you mean {_quoted(near)}?"
        help_text = help_text or "write it with `kernels lock`"
        for rule in rules:
            message = f"there is no lock file {_quoted(from_here(path))}"
            yield Diagnostic("missing-lockfile", message, rule.route, help_text)


def _by_path(paths: Iterable[tuple[Rule, str]]) -> dict[str, list[Rule]]:
    """Rules by the path to which they refer, so that each file is looked at once."""
    groups: dict[str, list[Rule]] = {}
    for rule, path in paths:
        if is_looked_at(path):
            groups.setdefault(path, []).append(rule)
    return groups


def is_looked_at(path: str) -> bool:
    """Whether a path may be looked at: not on other machines, nor in homes of other users."""
    return not is_network_path(path) and not names_a_user(path)


def _help(path: str) -> str | None:
    # Imported here: a path that is there needs none of it.
    from kernel_schema.schema.meant.spellings import variables_help

    return variables_help(from_here(path))


def _quoted(path: str) -> str:
    """A path whole: what tells it from others is at its end."""
    return quote(path, longest=1000)


def from_here(path: str) -> str:
    """A path as it is best shown: what lies below the working directory, from there."""
    if not Path(path).is_absolute():
        return path
    try:
        below = Path(path).relative_to(Path.cwd())
    except (OSError, ValueError):
        return path
    return f"./{below.as_posix()}"
