"""What a problem looks like: routes, diagnostics and the errors that carry them.

Everything in this module is plain frozen data and knows nothing of files, torch or kernels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from kernel_schema.routes import steps_of
from kernel_schema.wording import printable, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidationError
    from typing_extensions import Self

    from kernel_schema.codes import Code
    from kernel_schema.routes import Step

_BARE_STEP = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")


class Severity(str, Enum):
    """How bad a diagnostic is. Only `ERROR` makes a check fail.

    >>> Severity("warning") is Severity.WARNING
    True
    """

    ERROR = "error"
    WARNING = "warning"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Route:
    """The path of keys to a value, as the user wrote them.

    Args:
        steps: Mapping keys (`str`) and list positions (`int`, from 0), outermost first.
        at_key: True where the last *key* is meant, not the value under it.

    >>> print(Route(("kernel_mapping", "a layer", "cuda", 0, "kernel")))
    kernel_mapping["a layer"].cuda[0].kernel
    """

    steps: tuple[Step, ...] = ()
    at_key: bool = False

    def __str__(self) -> str:
        if not self.steps:
            return "(top level)"
        return printable("".join(_format_step(step) for step in self.steps).removeprefix("."))

    @classmethod
    def parse(cls, text: str) -> Route:
        """The route that is printed so, keys of more than 80 characters aside: those are cut.

        Raises:
            RouteError: If none is; it says where the text goes wrong.

        >>> Route.parse('stages[0]["a.b"].kernels').steps
        ('stages', 0, 'a.b', 'kernels')
        """
        return cls(tuple(step for step, _, _ in steps_of(text)))

    def child(self, *steps: Step) -> Route:
        """The route to a value below this one.

        >>> str(Route(("kernel_mapping",)).child("SiLU", "cuda"))
        'kernel_mapping.SiLU.cuda'
        """
        return Route((*self.steps, *steps))

    def key(self) -> Route:
        """The route to the key of this value.

        >>> Route(("kernel_mapping", "SiLU")).key().at_key
        True
        """
        return Route(self.steps, at_key=True)


def _format_step(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _BARE_STEP.fullmatch(step):
        return f".{step}"
    quoted = quote(step.replace("\\", r"\\").replace('"', r"\""), '"')
    return f"[{quoted}]"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text: from a line and column up to, not including, another.

    Lines and columns count from 1, columns in code points. A line ends as in an editor: at a line
    feed, a carriage return, or both together. A value that is only implied, as the one of `a:` in
    YAML, has a span without length.

    `file` is where that text is, if not in the file that is asked: in a base that it extends.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    file: str | None = field(default=None, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Repair:
    """What has to stand in a config so that a problem is gone: data, whatever the format.

    Args:
        action: `replace` puts `value` in the place of a value, `rename` makes it the name of its
            key, `remove` takes out both.
        value: What a file holds: a string, a number, true or false, a list or a table.
        up: How many steps above the route of the problem it is done.
        safe: Whether it is certain that this was meant; otherwise it is a guess.
    """

    action: Literal["replace", "rename", "remove"]
    value: Any = field(default=None, hash=False)  # a table has no hash
    up: int = 0
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Edit:
    """A text that has to stand in the place of a stretch of a file."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """What mends a problem in its file.

    Args:
        edits: Made together, each to the text as it is; in its order, none inside of another.
        safe: Whether it is certain that this was meant; otherwise it is a guess.
    """

    edits: tuple[Edit, ...]
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: what is wrong, where, and what to do about it.

    Its fields are data, as they came; its text, `headline` and `place` are `wording.printable`.

    Args:
        code: Stable kebab-case name of the kind of problem, e.g. `unknown-device`.
        message: What is wrong, in one sentence.
        route: Where in the config.
        help: What to do about it, often the right spelling; None if nothing useful can be said.
        severity: `Severity.ERROR` unless stated.
        file: The file that holds the config, where it was read from one.
        span: Where in that file.
        repair: What to write instead, where that can be told.
        fix: The same as edits of that file, where it can be mended without losing a comment.

    >>> print(Diagnostic("unknown-device", "`hip` is not a device", Route(("kernel_mapping", "A"))))
    kernel_mapping.A: error[unknown-device]: `hip` is not a device
    """

    code: Code
    message: str
    route: Route = Route()
    help: str | None = None
    severity: Severity = Severity.ERROR
    file: str | None = None
    span: Span | None = None
    repair: Repair | None = None
    fix: Fix | None = None

    def __str__(self) -> str:
        if not self.help:
            return self.headline
        return f"{self.headline}\n{printable(f'  help: {self.help}')}"

    @property
    def headline(self) -> str:
        """The problem in one line: `file:line:col: error[code]: message`, or the route in front.

        What is about a model or a machine, and about no place in a config, has neither.
        """
        where = f"{self.place}: " if self.place else ""
        return printable(f"{where}{self.severity}[{self.code}]: {self.message}")

    @property
    def place(self) -> str:
        """`file:line:col`, or the route where no file is known; "" where neither is."""
        if self.file is None:
            return str(self.route) if self.route.steps else ""
        where = "" if self.span is None else f":{self.span.line}:{self.span.column}"
        return printable(f"{self.file}{where}")


def in_file_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics of each file by their spans; those without one first, as they came."""
    listed = tuple(diagnostics)
    if len(listed) < 2:  # as of nearly every file
        return listed
    ranks = {file: rank for rank, file in enumerate(dict.fromkeys(each.file for each in listed))}

    def start(diagnostic: Diagnostic) -> tuple[int, int, int]:
        span = diagnostic.span
        return (0, 0, 0) if span is None else (ranks[diagnostic.file], span.line, span.column)

    return tuple(sorted(listed, key=start))


class KernelSchemaError(ValueError):
    """Base class of every error raised by this package.

    Args:
        diagnostics: The problems, at least one.

    >>> error = KernelSchemaError([Diagnostic("unknown-device", "`hip` is not a device")])
    >>> [d.code for d in error.diagnostics]
    ['unknown-device']
    """

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        # Its only argument is its text, as of other errors: there are programs that print that.
        super().__init__("\n".join(map(str, self.diagnostics)))

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[Diagnostic, ...]], dict[str, Any]]:
        return type(self), (self.diagnostics,), vars(self)


class ConfigError(KernelSchemaError):
    """A config that breaks the rules of the format."""

    @classmethod
    def from_validation_error(cls, error: ValidationError) -> ConfigError:
        """Turn pydantic's error into one with diagnostics.

        Args:
            error: What one of our models raised, or a model of yours with one of ours as a field.

        Returns:
            An error with a diagnostic for each of pydantic's: those of fields that are not ours
            keep pydantic's type as their code.

        >>> from pydantic import ValidationError
        >>> from kernel_schema import KernelConfig
        >>> try:
        ...     KernelConfig({"RMSNorm": {"cuda": "org/repo"}})
        ... except ValidationError as error:
        ...     print(ConfigError.from_validation_error(error).diagnostics[0].route)
        kernel_mapping.RMSNorm.cuda
        """
        details: list[Any] = error.errors(include_url=False, include_input=False)
        return cls(map(_diagnostic_of, details))


def _diagnostic_of(detail: Mapping[str, Any]) -> Diagnostic:
    context: dict[str, Any] = detail.get("ctx") or {}
    route = Route(tuple(detail["loc"]), at_key=bool(context.get("at_key")))
    message = context.get("problem", detail["msg"])
    repair = context.get("repair")
    return Diagnostic(detail["type"], message, route, context.get("help"), repair=repair)


class ModelCheckError(KernelSchemaError):
    """A config that does not fit the model, or an environment in which it cannot run."""


class LoweringError(KernelSchemaError):
    """A config that cannot be turned into a mapping of the kernels library."""


def lowering_error(code: Code, message: str, help_text: str | None = None) -> LoweringError:
    """The error with one diagnostic, which speaks of no place in a config."""
    return LoweringError([Diagnostic(code, message, help=help_text)])


class KernelNotAppliedError(KernelSchemaError):
    """A kernel that was meant for this model, device and mode did not replace anything."""


class LockError(KernelSchemaError):
    """A lock that cannot be used, or files on this machine that are not what is locked."""


class HubError(KernelSchemaError):
    """What was asked of the Hub cannot be had: it is not there, or nobody answers."""


class PlanMismatchError(KernelSchemaError):
    """Ranks of one job that do not run the same kernels."""


class PolicyError(KernelSchemaError):
    """What a policy does not allow, or a policy that cannot be read."""
