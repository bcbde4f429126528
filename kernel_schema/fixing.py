"""Mend a config file: every repair that is certain, until none is left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, get_args

from kernel_schema.codes import Stage, catalogue
from kernel_schema.diagnostics import ConfigError, in_file_order
from kernel_schema.files.document import InvalidConfigError
from kernel_schema.files.read import FileAccessError, loads_document, read_text
from kernel_schema.files.repair import edited
from kernel_schema.lowering.check import Asked, check, check_part
from kernel_schema.schema.arguments import wrong_argument
from kernel_schema.typeguards import is_path

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.files.document import Format
    from kernel_schema.schema.arguments import At

# Bases are looked for once the file itself is right: what is wrong with them was hidden before,
# but for a repair that names one.
_OF_BASES: Final = frozenset(("missing-base", "invalid-extends"))
# One mistake may hide another, and that the next.
_MOST_STEPS: Final = 50

_Step: TypeAlias = "tuple[str, list[Diagnostic], tuple[Diagnostic, ...]]"
"""A text with something mended, what that was, and what is left."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What became of a config file.

    Args:
        text: What it should hold.
        mended: The problems that are gone, each where it was when it was mended.
        left: What is wrong with the new text.
    """

    text: str
    mended: tuple[Diagnostic, ...]
    left: tuple[Diagnostic, ...]


def fix(
    text_or_path: str | os.PathLike[str],
    *,
    format: Format | None = None,
    unsafe: bool = False,
    at: At | None = None,
) -> Fixed:
    r"""Mend what is certain in a config; nothing is written.

    All else stays as it is, byte for byte. What would lose a comment, or bring a problem that was
    not there, is left.

    Args:
        text_or_path: A text if it is a `str` and `format` is given; otherwise the path of a file.
        format: `yaml`, `json` or `toml`; of a path told by its ending if left out.
        unsafe: Follow what is only a guess too: `did you mean`.
        at: Where the config stands in a bigger file, as for `read`.

    Returns:
        The new text, what was mended and what is left.

    Raises:
        FileAccessError: If the file cannot be read, or its format not be told.
        ConfigError: If the file is not UTF-8, or too large.

    >>> fixed = fix("kernel_mapping:\n  SiLU:org/repo:SiLU  # ours\n", format="yaml")
    >>> print(fixed.text, end="")
    kernel_mapping:
      SiLU: org/repo:SiLU  # ours
    >>> [problem.code for problem in fixed.mended]
    ['invalid-kernel-mapping']
    """
    if not isinstance(text_or_path, str) and not is_path(text_or_path):
        raise wrong_argument("text_or_path", text_or_path, "a text or the path of a config file")
    text, file = str(text_or_path), str(text_or_path)
    if isinstance(text_or_path, str) and format is not None:
        file = "<text>"
    else:
        text, format = read_text(text_or_path, format=format)
    return mend(text, lambda text: _wrong(text, format, file, at), unsafe=unsafe)


def _wrong(text: str, format: Format, file: str, at: At | None) -> tuple[Diagnostic, ...]:
    """What is wrong with a text, its config and what that names."""
    try:
        return check(loads_document(text, format=format, file=file, at=at))
    except FileAccessError:
        raise
    except InvalidConfigError as error:
        _, rest = check_part(error, Asked())
        return in_file_order((*error.diagnostics, *rest))
    except ConfigError as error:
        return error.diagnostics


def mend(
    text: str, find: Callable[[str], tuple[Diagnostic, ...]], *, unsafe: bool = False
) -> Fixed:
    """What `fix` gives for a text; `find` tells what is wrong with one."""
    mended: list[Diagnostic] = []
    left = find(text)
    seen: dict[str, int] = {}
    # What was in the way of a repair may be gone after the others.
    while text not in seen and len(seen) < _MOST_STEPS:
        seen[text] = len(mended)
        fixed = _mended_once(text, left, find, unsafe=unsafe)
        text, left = fixed.text, fixed.left
        mended += fixed.mended
    return Fixed(text, tuple(mended[: seen.get(text, len(mended))]), left)


def _mended_once(
    text: str,
    left: tuple[Diagnostic, ...],
    find: Callable[[str], tuple[Diagnostic, ...]],
    *,
    unsafe: bool,
) -> Fixed:
    """A text of which `left` is wrong without what can be mended; what is refused stays so."""

    def without(problems: list[Diagnostic]) -> _Step | None:
        """The text without some of what is left; None if that brings others."""
        new, made = edited(text, [each.fix for each in problems if each.fix is not None])
        after = find(new)
        done = [each for each in problems if each.fix in made]
        hidden = frozenset[str]() if any(map(_names_bases, done)) else _OF_BASES
        return None if _brings(left, after, hidden, unsafe=unsafe) else (new, done, after)

    mended: list[Diagnostic] = []
    refused: set[tuple[object, ...]] = set()
    seen = {text: 0}
    for _ in range(_MOST_STEPS):
        wanted = [
            each
            for each in left
            if each.fix is not None and (unsafe or each.fix.safe) and _key(each) not in refused
        ]
        if not wanted:
            break
        step = without(wanted)
        if step is None:
            # Those that cannot be mended even alone go out, and the others go on one by one.
            first, *others = wanted[:_MOST_STEPS]
            step = without([first]) if others else None
            hopeless = [each for each in others if without([each]) is None]
            refused |= set(map(_key, hopeless if step else [first, *hopeless]))
        if step is not None:
            text, gone, left = step
            mended += gone
            # Where one repair undoes another neither is right, and what was before both stays.
            start = seen.setdefault(text, len(mended))
            refused |= set(map(_key, mended[start:]))
            del mended[start:]
    return Fixed(text, tuple(mended), left)


def _key(diagnostic: Diagnostic) -> tuple[object, ...]:
    """What makes a problem the same one in a text in which something else was mended."""
    return diagnostic.code, diagnostic.message, diagnostic.route.steps[-1:]


def _names_bases(diagnostic: Diagnostic) -> bool:
    """Whether a repair states what the file extends."""
    repair = diagnostic.repair
    renames = repair is not None and repair.action == "rename" and repair.value == "extends"
    return renames or "extends" in diagnostic.route.steps


def _brings(
    before: Iterable[Diagnostic],
    after: Iterable[Diagnostic],
    hidden: Collection[str],
    *,
    unsafe: bool,
) -> bool:
    """Whether there is a problem that was not there, and will not be mended in its turn.

    What comes to light once the file can be read, or says a config, was hidden before, and so were
    the codes of `hidden`.
    """
    stages = get_args(Stage)
    before = list(before)
    files = {each.file for each in before}
    known = Counter(map(_key, before))
    first = min((stages.index(catalogue()[each.code].stage) for each in before), default=0)
    new = Counter(map(_key, after)) - known
    return any(
        _key(each) in new
        and each.file in files
        and each.code not in hidden
        and stages.index(catalogue()[each.code].stage) <= first
        and (each.fix is None or not (unsafe or each.fix.safe))
        for each in after
    )
