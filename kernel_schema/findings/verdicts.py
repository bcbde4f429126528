"""Which findings are shown and how bad they are, as options and settings say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from kernel_schema.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from kernel_schema.codes import Code

_Verdict = Literal["on", "error", "warn", "off"]
_SEVERITIES: Final = {"error": Severity.ERROR, "warn": Severity.WARNING}


@dataclass(frozen=True)
class Wishes:
    """What one place says of codes: the command line, or a table of settings.

    Each list holds codes and patterns. A code beats a pattern, then `error` beats `warn`, and that
    `off`; what is ignored or not selected is off whatever else is said.
    """

    error: Sequence[str] = ()
    warn: Sequence[str] = ()
    off: Sequence[str] = ()
    ignore: Sequence[str] = ()
    select: Sequence[str] | None = None

    @property
    def said(self) -> bool:
        """Whether it says anything at all."""
        return any((self.error, self.warn, self.off, self.ignore)) or self.select is not None

    @cached_property
    def verdicts(self) -> dict[Code, _Verdict]:
        """What is said of each code of which something is said."""
        # Imported here: most calls say nothing of codes.
        from kernel_schema.checks.selection import CODES, fitting, is_pattern

        verdicts: dict[Code, _Verdict] = {}
        levels: tuple[tuple[_Verdict, Sequence[str]], ...] = (
            ("off", self.off),
            ("warn", self.warn),
            ("error", self.error),
        )
        for exact in (False, True):
            for verdict, patterns in levels:
                for pattern in patterns:
                    if is_pattern(pattern) != exact:
                        _say(verdicts, verdict, fitting(pattern))
        if self.select is not None:
            selected = {code for pattern in self.select for code in fitting(pattern)}
            for code in CODES:
                verdicts[code] = verdicts.get(code, "on") if code in selected else "off"
        for pattern in self.ignore:
            _say(verdicts, "off", fitting(pattern))
        return verdicts


def _say(verdicts: dict[Code, _Verdict], verdict: _Verdict, codes: Iterable[Code]) -> None:
    for code in codes:
        verdicts[code] = verdict


class Verdicts:
    """What counts: the command line, and where that says nothing the settings around a file.

    >>> verdicts = Verdicts(Wishes(warn=["missing-*"]), Wishes(off=["missing-lockfile", "yaml-*"]))
    >>> verdicts.severity("missing-lockfile"), sorted(verdicts.off)[:2]
    (<Severity.WARNING: 'warning'>, ['yaml-alias', 'yaml-anchor'])
    """

    def __init__(self, *wishes: Wishes) -> None:
        self._verdicts: dict[Code, _Verdict] = {}
        for each in reversed([each for each in wishes if each.said]):
            self._verdicts.update(each.verdicts)

    @cached_property
    def off(self) -> frozenset[Code]:
        """The codes that are not shown."""
        return frozenset(code for code, verdict in self._verdicts.items() if verdict == "off")

    def severity(self, code: Code) -> Severity | None:
        """How bad a code is, where that is stated."""
        return _SEVERITIES.get(self._verdicts.get(code, "on"))

    def shown(self, diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        """Those findings that are shown, as bad as they are said to be."""
        for each in diagnostics:
            if each.code not in self.off:
                severity = self.severity(each.code) or each.severity
                yield each if severity is each.severity else replace(each, severity=severity)
