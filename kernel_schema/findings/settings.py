"""The settings of `check` in a project: `[tool.kernel-schema.check]` of a `pyproject.toml`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kernel_schema.diagnostics import ConfigError, Diagnostic, Route
from kernel_schema.files.inner import MISNAMED, PYPROJECT, SETTINGS, TABLE, misnamed_table
from kernel_schema.findings.verdicts import Wishes
from kernel_schema.limits import MAX_BYTES
from kernel_schema.paths import exists, read_at_most
from kernel_schema.typeguards import is_list, is_table
from kernel_schema.wording import Suggester, quote, show

if TYPE_CHECKING:
    from kernel_schema.files.parsed import Parsed

_CODE_KEYS: Final = ("error", "warn", "off", "select", "ignore")
_KEYS: Final = (*_CODE_KEYS, "exclude")
_PLACE: Final = TABLE.child(SETTINGS)
# A file that has none of this states no settings, and need not be read as TOML.
_NAME = re.compile(MISNAMED.pattern.encode(), re.IGNORECASE)
_STATED = re.compile(rb"kernel-schema[\"' \t]*\.[\"' \t]*check")


class Settings(NamedTuple):
    """What a project says of its checks; patterns of files start at its folder."""

    folder: str
    wishes: Wishes
    exclude: Sequence[str] = ()

    def excludes(self, path: str) -> bool:
        """Whether a file or folder is not to be checked, by its absolute path."""
        return bool(self.exclude) and is_excluded(path, self.folder, self.exclude)


def is_excluded(path: str, base: str, patterns: Iterable[str]) -> bool:
    """Whether a path, or a folder that it is in, fits a pattern by name or by its path from `base`.

    >>> is_excluded("/p/old/a/kernels.yaml", "/p", ["old"]), is_excluded("/p/a.yaml", "/p", ["b*"])
    (True, False)
    >>> is_excluded("/p/old/a/kernels.yaml", "/p", ["./old/*"])
    True
    >>> is_excluded("/p/old/a.yaml", "/p", ["/p/old"]), is_excluded("/p/a.yaml", "/p", ["../p/a*"])
    (True, True)
    """
    parts = _from(base, path).split(os.sep)
    wanted = [_from(base, os.path.join(base, each)).replace(os.sep, "/") for each in patterns]
    return any(
        fnmatch(candidate, pattern)
        for end in range(1, len(parts) + 1)
        for candidate in (parts[end - 1], "/".join(parts[:end]))
        for pattern in wanted
    )


def _from(base: str, path: str) -> str:
    try:
        return os.path.relpath(path, base)
    except ValueError:  # another drive
        return path


class SettingsAround:
    """Finds the settings for a folder: those of the nearest `pyproject.toml` that states any.

    Nothing above the root of a repository counts.
    """

    def __init__(self) -> None:
        self._known: dict[str, Settings | None] = {}

    def of(self, folder: str) -> Settings | None:
        """The settings for what lies in a folder, given by its absolute path; None without any.

        Raises:
            ConfigError: If there are some, and something is wrong with them.
        """
        waiting: list[str] = []
        settings: Settings | None = None
        while folder not in self._known:
            waiting.append(folder)
            settings = read_settings(os.path.join(folder, PYPROJECT))
            above = os.path.dirname(folder)
            if settings is not None or above == folder or exists(os.path.join(folder, ".git")):
                break
            folder = above
        else:
            settings = self._known[folder]
        self._known |= dict.fromkeys(waiting, settings)
        return settings


def read_settings(file: str) -> Settings | None:
    """The settings that a `pyproject.toml` states; None without any, or where there is no file.

    Raises:
        ConfigError: If something is wrong with them.
    """
    try:
        raw = read_at_most(file, MAX_BYTES)
    except (OSError, ValueError):
        return None
    if SETTINGS.encode() not in raw or _NAME.search(raw) is None or len(raw) > MAX_BYTES:
        return None
    # Imported here: most projects state none.
    from kernel_schema.files.document import from_read_error
    from kernel_schema.files.parsed import ReadError
    from kernel_schema.files.toml import read_toml

    shown = os.path.relpath(file)
    shown = file if shown.startswith(os.pardir) else shown
    try:
        parsed = read_toml(raw.decode("utf-8"), allow_empty=True)
    except UnicodeDecodeError:
        return None
    except ReadError as error:
        if _STATED.search(raw):
            raise from_read_error(error, shown) from None
        return None
    table = parsed.sub(_PLACE.steps)
    problems = list(_problems(parsed, table))
    if problems:
        raise ConfigError(_placed(parsed, shown, problems))
    if table is None:
        return None
    stated: Any = table.value
    wishes = Wishes(**{key: stated[key] for key in _CODE_KEYS if key in stated})
    return Settings(os.path.dirname(file), wishes, stated.get("exclude", ()))


_Wrong = tuple[Route, str, "str | None"]


def _problems(parsed: Parsed, table: Parsed | None) -> Iterator[_Wrong]:
    if table is None:
        misnamed = misnamed_table(parsed)
        if misnamed is not None and parsed.sub((*misnamed, SETTINGS)) is not None:
            place = Route(misnamed, at_key=True)
            yield place, f"there are no settings in `[{place}]`", f"did you mean `[{_PLACE}]`?"
        return
    if not is_table(table.value):
        yield _PLACE, f"{show(table.value)} is not a table of settings", None
        return
    for key, value in table.value.items():
        place = _PLACE.child(key).key()
        if key not in _KEYS:
            yield place, f"there is no setting {quote(key)}", _meant(key, value)
        elif not is_list(value):
            kind = "patterns of files" if key == "exclude" else "codes"
            help_text = None
            if isinstance(value, str):
                words = [word.strip() for word in value.split(",")]
                help_text = f"write {quote(f'{key} = {json.dumps(words)}')}"
            yield Route(place.steps), f"{show(value)} is not a list of {kind}", help_text
        else:
            for index, item in enumerate(value):
                yield from _item_problems(key, item, place.child(index))


def _meant(key: str, value: object) -> str:
    """What to say of a key that is no setting."""
    listed = ", ".join(map(quote, _KEYS))
    if key.replace("_", "-") in _OPTIONS:
        return f"it is an option: pass `--{key.replace('_', '-')}`; settings are {listed}"
    if isinstance(value, str) and (meant := Suggester(_KEYS, _LEVELS).closest(value)):
        return f"write {quote(f'{meant} = [{json.dumps(key)}]')}"
    meant = Suggester(_KEYS, _LEVELS).closest(key)
    hint = f"did you mean {quote(meant)}? " if meant else ""
    return f"{hint}settings are {listed}"


# What other checkers call them; and what a setting cannot say.
_LEVELS: Final = {
    **dict.fromkeys(("disable", "disabled", "false", "none"), "off"),
    "extend_exclude": "exclude",
    "extend_ignore": "ignore",
    "extend_select": "select",
}
_OPTIONS: Final = frozenset(
    (
        "exit-zero",
        "fix",
        "hub",
        "model",
        "output-format",
        "policy",
        "quiet",
        "strict",
        "unsafe-fixes",
    )
)


def _item_problems(key: str, item: object, place: Route) -> Iterator[_Wrong]:
    # Imported here: most projects state none.
    from kernel_schema.checks.selection import fitting, unknown

    if not isinstance(item, str) or not item:
        kind = "pattern of files" if key == "exclude" else "code"
        yield place, f"{show(item)} is not a {kind}", None
    elif key != "exclude" and not fitting(item):
        message, meant = unknown(item)
        words = [word.strip() for word in item.split(",")]
        if len(words) > 1 and all(map(fitting, words)):
            yield (
                place,
                message,
                f"write each by itself: {quote(', '.join(map(json.dumps, words)))}",
            )
            return
        listed = "`kernel-schema codes` lists them"
        yield place, message, f"did you mean {quote(meant)}?" if meant else listed


def _placed(parsed: Parsed, file: str, problems: Iterable[_Wrong]) -> Iterator[Diagnostic]:
    for route, message, help_text in problems:
        located = parsed.locate(route.steps)
        span = located.key if route.at_key and located.key is not None else located.value
        yield Diagnostic("invalid-setting", message, route, help_text, file=file, span=span)
