"""A policy: which kernels may run, as plain data, and everything that is wrong with one."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, model_serializer, model_validator

from kernel_schema.schema.problems import Problem, Problems
from kernel_schema.typeguards import is_list, is_table, is_tuple
from kernel_schema.wording import Suggester, quote, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.schema.problems import Steps

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PATTERN: Final = re.compile(r"[A-Za-z0-9._*?-]+/[A-Za-z0-9._*?-]+")
_LONGEST: Final = 1000
"""Characters of an item."""
_MOST_DAYS: Final = 1_000_000


class Policy(BaseModel, frozen=True):
    """What an organisation allows of the kernels that its configs name.

    What is left out is allowed, but for this: where any of `publishers`, `repositories`,
    `licenses`, `require_lock`, `require_trusted_publisher`, `min_age_days` and `require_signature`
    is stated, kernels of which that cannot be told are not, until the policy says so: kernels on
    disk, and kernels that are inherited and not locked.

    Args:
        publishers: The organisations and users whose kernels may run.
        repositories: Repositories that may run, `*` and `?` standing for any characters of a name.
        licenses: The licences that kernels may have, as SPDX names them.
        require_lock: Whether every kernel, and what it depends on, has to be locked.
        require_trusted_publisher: Whether the Hub has to call every publisher trusted.
        trust_remote_code: Whether a config may set `trust_remote_code`.
        local_kernels: Whether kernels on disk may run.
        inherit_mapping: Whether a config may inherit kernels that it does not name.
        min_age_days: How many days ago the commit of a kernel was made at least; with `--hub` only.
        require_signature: Whether every build has to be signed; with `--hub` only.

    Raises:
        pydantic.ValidationError: With every mistake; `read_policy` has them with their places.

    >>> policy = Policy(publishers=("kernels-community",), require_lock=True)
    >>> policy.allows_publisher("kernels-community"), policy.allows_publisher("Kernels-Community")
    (True, False)
    """

    publishers: tuple[str, ...] | None = None
    repositories: tuple[str, ...] | None = None
    licenses: tuple[str, ...] | None = None
    require_lock: bool = False
    require_trusted_publisher: bool = False
    trust_remote_code: bool = True
    local_kernels: bool | None = None
    inherit_mapping: bool | None = None
    min_age_days: int = 0
    require_signature: bool = False

    @model_validator(mode="before")
    @classmethod
    def _check(cls, value: Any) -> Any:
        problems = problems_of(value)
        if problems:
            raise problems.error(cls.__name__, value)
        return value

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        """What a file would hold: what is stated, and nothing else."""
        stated = {key: getattr(self, key) for key in KEYS if key in self.model_fields_set}
        return {key: list(each) if is_tuple(each) else each for key, each in stated.items()}

    @property
    def names_kernels(self) -> bool:
        """Whether it says which kernels may run, so that those it cannot tell of may not."""
        lists = (self.publishers, self.repositories, self.licenses)
        return any(stated is not None for stated in lists) or bool(
            self.require_lock
            or self.require_trusted_publisher
            or self.min_age_days
            or self.require_signature
        )

    @property
    def allows_local_kernels(self) -> bool:
        """Whether kernels on disk may run."""
        return not self.names_kernels if self.local_kernels is None else self.local_kernels

    @property
    def allows_unknown_inheritance(self) -> bool:
        """Whether kernels may be inherited of which nothing is known."""
        return not self.names_kernels if self.inherit_mapping is None else self.inherit_mapping

    def allows_publisher(self, publisher: str) -> bool:
        """Whether the kernels of a publisher may run; names are compared letter by letter."""
        return self.publishers is None or publisher in self.publishers

    def allows_repository(self, repo_id: str) -> bool:
        """Whether a repository fits a pattern; publisher and name each by themselves.

        >>> policy = Policy(repositories=("our-*/attn",))
        >>> policy.allows_repository("our-org/attn"), policy.allows_repository("our-org/x/attn")
        (True, False)
        """
        if self.repositories is None:
            return True
        publisher, _, name = repo_id.partition("/")
        patterns = (pattern.split("/") for pattern in self.repositories)
        return any(
            fnmatchcase(publisher, of) and fnmatchcase(name, named) for of, named in patterns
        )

    def allows_license(self, stated: str) -> bool:
        """Whether a licence is one that is listed, whatever the case of its letters.

        Of several joined by `AND` each has to be, of several joined by `OR` one.

        >>> policy = Policy(licenses=("MIT", "Apache-2.0"))
        >>> [policy.allows_license(each) for each in ("apache-2.0 AND MIT", "MIT AND GPL-3.0")]
        [True, False]
        """
        if self.licenses is None:
            return True
        listed = {each.casefold() for each in self.licenses}
        return stated.casefold() in listed or all(
            each in listed or ("(" not in each and not listed.isdisjoint(each.split(" or ")))
            for each in stated.casefold().split(" and ")
        )


KEYS: Final = tuple(Policy.model_fields)
_LISTS: Final = {
    "publishers": ("publishers", _NAME, "the name of an organisation or user"),
    "repositories": ("repositories", _PATTERN, "a repository, or a pattern such as `our-org/*`"),
    "licenses": ("licences", re.compile(r"\S(?:.*\S)?"), "the name of a licence"),
}


def problems_of(value: object) -> Problems:
    """Everything that is wrong with what should be a policy.

    A typo must never loosen a policy: whatever is not known is a mistake.
    """
    problems = Problems()
    if not is_table(value):
        message = f"{show(value)} is no policy, which is a table of keys"
        problems.note((), Problem("invalid-policy", message, _KNOWN))
        return problems
    for key, stated in value.items():
        if key not in KEYS:
            meant = _SUGGESTER.closest(str(key))
            help_text = f"did you mean {quote(meant)}?" if meant else _KNOWN
            message = f"{quote(key)} is no key of a policy"
            problems.note((key,), Problem("invalid-policy", message, help_text, at_key=True))
            continue
        for steps, message, help_text in _wrong(key, stated):
            problems.note(steps, Problem("invalid-policy", message, help_text))
    return problems


_KNOWN: Final = f"keys are {', '.join(map(quote, KEYS))}"
_SUGGESTER: Final = Suggester(KEYS, {"licences": "licenses"})

_Wrong = tuple["Steps", str, "str | None"]


def _wrong(key: str, value: Any) -> Iterator[_Wrong]:
    if key == "min_age_days":
        if type(value) is not int or not 0 <= value <= _MOST_DAYS:
            yield (key,), f"{show(value)} is no number of days", "write a whole number, as 7"
    elif key not in _LISTS:
        if not isinstance(value, bool):
            yield (key,), f"{show(value)} is neither true nor false", None
    elif not is_list(value) and not is_tuple(value):
        what = _LISTS[key][0]
        help_text = f"write `[{value}]`" if isinstance(value, str) and value else None
        yield (key,), f"{show(value)} is no list of {what}", help_text
    else:
        for index, item in enumerate(value):
            yield from _wrong_item(key, item, (key, index))


def _wrong_item(key: str, item: object, steps: Steps) -> Iterator[_Wrong]:
    _, pattern, what = _LISTS[key]
    if isinstance(item, str) and len(item) <= _LONGEST and pattern.fullmatch(item):
        return
    help_text = None
    if key == "publishers" and isinstance(item, str) and _PATTERN.fullmatch(item):
        help_text = "name repositories under `repositories`"
    elif key == "repositories" and isinstance(item, str) and _NAME.fullmatch(item):
        help_text = f"for all of a publisher write `{item}/*`"
    yield steps, f"{show(item)} is not {what}", help_text
