"""What a wrong word of a command line was probably meant to be, as the end of a message."""

from __future__ import annotations

from kernel_schema.paths import is_there
from kernel_schema.wording import Suggester, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final

# What checkers call it that people come from.
_COMMANDS: Final = {
    **dict.fromkeys(("lint", "test", "validate", "verify"), "check"),
    **dict.fromkeys(("fix", "format", "mend"), "check --fix"),
    **dict.fromkeys(("rule", "rules"), "codes"),
    "help": "--help",
    "version": "--version",
}
_OPTIONS: Final = {
    "json": "--output-format json",
    "sarif": "--output-format sarif",
    "fix_only": "--fix",
    "disable": "--off",
    "extend_ignore": "--ignore",
    "extend_select": "--select",
    "silent": "--quiet",
    "rule": "--explain",
    "version": "kernel-schema --version",
}


def for_value(value: str, name: str, choices: Sequence[str]) -> str:
    """For a value that is none of those that an option, or the place of a command, takes."""
    if name == "command":
        word = _COMMANDS.get(value) or Suggester(choices).closest(value)
        if word is None and is_there(value):
            word = f"check {value}"
        return _asked(word)
    if name.rpartition("_")[2] in {"device", "mode"}:
        # Imported here: a right word needs none of it.
        from kernel_schema.schema.vocabulary import closest_of

        word = closest_of(value, ("device" if name.endswith("device") else "mode",))[1]
        return _asked(word if word in choices else None)
    return _asked(Suggester(choices).closest(value))


def for_options(words: Iterable[str], options: Iterable[str]) -> str:
    """For options that a command does not take, with those that it does."""
    known = [option[2:] for option in options if option.startswith("--") and option.isprintable()]
    for word in words:
        name = word.partition("=")[0].lstrip("-")
        if word.startswith("-") and len(name) > 1 and not name.startswith("no-"):
            begun = [option for option in known if option.startswith(name)]
            closest = begun[0] if begun else Suggester(known, _OPTIONS).closest(name)
            return _asked(closest and (f"--{closest}" if closest in known else closest))
    return ""


def _asked(word: str | None) -> str:
    return f": did you mean {quote(word)}?" if word else ""
