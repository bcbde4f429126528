"""Our codes and messages inside pydantic's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from kernel_schema.limits import MAX_PROBLEMS, TOO_MANY_PROBLEMS
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic_core import ErrorDetails

    from kernel_schema.diagnostics import Step

    Loc = tuple[Step, ...]


_Piece = TypeVar("_Piece")


def problem(
    code: str,
    message: str,
    help_text: str | None = None,
    *,
    at_key: bool = False,
    meant: str | None = None,
) -> PydanticCustomError:
    """An error for pydantic to raise that carries our code, message and help.

    Args:
        code: Becomes the `type` of the error.
        message: What is wrong.
        help_text: What to do; appended to the text that pydantic shows.
        at_key: True where the key is wrong, not the value under it.
        meant: The key that a wrong one was probably meant to be: it is then not missing.

    >>> error = problem("unknown-device", "`hip` is not a device", "did you mean `rocm`?")
    >>> error.type, error.message()
    ('unknown-device', '`hip` is not a device; did you mean `rocm`?')
    """
    context = {"help": help_text, "at_key": at_key, "problem": message, "meant": meant}
    template = "{problem}; {help}" if help_text else "{problem}"
    return PydanticCustomError(code, template, context)  # pyright: ignore[reportArgumentType] (literal strings only guard against injection into templates)


def misplaced_capability(key: object) -> PydanticCustomError:
    """The error for a capability bound that stands in none of the lists for it."""
    return problem(
        "misplaced-capability",
        f"{quote(key)} belongs in a list of capability ranges under cuda or rocm",
        "write the device as a list: `[{min_capability: 90, kernel: ...}]`",
        at_key=True,
    )


def located(loc: Loc, error: PydanticCustomError, value: object) -> InitErrorDetails:
    """Put an error at a place below the value that is being validated."""
    return InitErrorDetails(type=error, loc=loc, input=value)


def details(
    error: ValidationError, move: Callable[[Loc], Loc], explain: Explain
) -> list[InitErrorDetails]:
    """Take pydantic's error apart, with its places and native messages replaced by ours.

    Args:
        error: What a validator raised.
        move: Turns pydantic's place, which holds names of union branches, into the user's.
        explain: Gives our error for a native one of pydantic, by its type and place.
    """
    found: list[InitErrorDetails] = []
    missing: dict[Step, InitErrorDetails] = {}
    meant: set[Step] = set()
    for native in error.errors(include_url=False):
        # pydantic gives no place for a key that is no Unicode text (a lone surrogate).
        unreadable_key = native["type"] == "string_unicode"
        loc = (native["input"],) if unreadable_key else native["loc"]
        context: dict[str, Any] = native.get("ctx") or {}
        if "problem" in context:
            ours = problem(
                native["type"], context["problem"], context["help"], at_key=context["at_key"]
            )
        else:
            ours = explain(native["type"], loc)
            meant.add((ours.context or {}).get("meant") or "")
        error_here = located(move(loc) if loc else (), ours, native["input"])
        if native["type"] == "missing":
            missing[loc[-1]] = error_here
        else:
            found.append(error_here)
    return found + [lacking for key, lacking in missing.items() if key not in meant]


def fail(title: str, errors: Iterable[InitErrorDetails]) -> ValidationError:
    """One error of pydantic that holds `errors`: one a place, and none below a wrong key."""
    return ValidationError.from_exception_data(title, _kept(errors))


def fail_at_most(title: str, errors: Iterable[InitErrorDetails]) -> ValidationError:
    """`fail` for a whole config: the first `MAX_PROBLEMS`, and one that tells of more."""
    kept = _kept(errors)
    if len(kept) > MAX_PROBLEMS:
        place = kept[MAX_PROBLEMS].get("loc", ())
        kept[MAX_PROBLEMS:] = [
            located(place, problem("too-many-problems", TOO_MANY_PROBLEMS, at_key=True), None)
        ]
    return ValidationError.from_exception_data(title, kept)


def each(pieces: Iterable[_Piece], validate: Callable[[_Piece], object]) -> None:
    """Validate the pieces of a table or list in turn, until there are too many problems.

    At once, as pydantic does it, the problems of a file that is nothing but mistakes would take a
    thousand times the memory of the file.

    Raises:
        ValidationError: With the problems of the pieces that were looked at.
    """
    errors: list[InitErrorDetails] = []
    for piece in pieces:
        try:
            validate(piece)
        except ValidationError as error:  # noqa: PERF203 (each has problems of its own)
            own = _kept(map(_again, error.errors(include_url=False)))
            # Below a wrong key nothing counts; pydantic has a place of its own for the key.
            errors += [one for one in own if one.get("loc", ())[1:] == ("[key]",)] or own
            if len(errors) > MAX_PROBLEMS:
                break
    if errors:
        raise ValidationError.from_exception_data("each", errors)


def _again(native: ErrorDetails) -> InitErrorDetails:
    context = native.get("ctx") or {}
    if "problem" not in context:
        return InitErrorDetails(type=native["type"], loc=native["loc"], input=native["input"])
    ours = problem(native["type"], context["problem"], context["help"], at_key=context["at_key"])
    return located(native["loc"], ours, native["input"])


def _kept(errors: Iterable[InitErrorDetails]) -> list[InitErrorDetails]:
    by_place: dict[Loc, InitErrorDetails] = {}
    wrong_keys: set[Loc] = set()
    for error in errors:
        loc = error.get("loc", ())
        by_place.setdefault(loc, error)
        kind = error["type"]
        if isinstance(kind, PydanticCustomError) and (kind.context or {}).get("at_key"):
            wrong_keys.add(loc)
    return [
        error
        for loc, error in by_place.items()
        if not any(loc[:end] in wrong_keys for end in range(1, len(loc)))
    ]


if TYPE_CHECKING:
    from typing import TypeAlias

    Explain: TypeAlias = Callable[[str, Loc], PydanticCustomError]
