"""What a bisection does, trial by trial, and what it tells: plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.diagnostics import Diagnostic, Route, Severity
from kernel_schema.measure.bisecting.search import (
    Answer,
    Contradiction,
    Things,
    Undecided,
    search,
)
from kernel_schema.schema.rules import INHERITED
from kernel_schema.wording import listing, printable, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from kernel_schema.codes import Code
    from kernel_schema.diagnostics import Span
    from kernel_schema.schema.rules import Kernel, RuntimeChoice


_SHOWN: Final = 8


class Conclusion(str, Enum):
    """What a bisection comes to.

    GOOD: It is good with every kernel.
    GUILTY: A kernel, or several together, are named.
    BAD_WITHOUT_KERNELS: It is bad with none of the kernels too: they are not the cause.
    CONTRADICTION: It is bad with some kernels, and good with the same and more.
    UNDECIDED: It could not be told often enough.
    NOT_KERNELIZED: It is good, and nothing tells that kernels were in place.
    NO_KERNELS: The config puts no kernel in place in this model: nothing was run.
    """

    GOOD = "good"
    GUILTY = "guilty"
    BAD_WITHOUT_KERNELS = "bad-without-kernels"
    CONTRADICTION = "contradiction"
    UNDECIDED = "undecided"
    NOT_KERNELIZED = "not-kernelized"
    NO_KERNELS = "no-kernels"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Suspect:
    """An entry that puts a kernel in place in a model: what is switched on and off as one.

    Args:
        layer_name: The registered name. Off, all that carry it run their own forward.
        kernel: The kernel, as the plan has it.
        route: Where the config states it; it starts with `inherited` if the config does not.
        span: The place in the text of the config, with its file, where it was read from text.
    """

    layer_name: str
    kernel: Kernel | RuntimeChoice
    route: Route
    span: Span | None = None

    @property
    def is_inherited(self) -> bool:
        """Whether it comes from the mapping under the config."""
        return self.route.steps[:1] == (INHERITED,)

    def __str__(self) -> str:
        inherited = " (inherited)" if self.is_inherited else ""
        return printable(f"{self.layer_name}: {self.kernel}{inherited}")


@dataclass(frozen=True, slots=True)
class Trial:
    """One run: with which kernels, and what came of it.

    Args:
        on: The layer names with a kernel, in the order of the plan.
        answer: What came of it.
        reason: How that was told, in words.
        calls: How often each kernel that was in place was called, by layer name; None where
            nothing tells.
    """

    on: tuple[str, ...]
    answer: Answer
    reason: str
    calls: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Bisection:
    """What a bisection tells.

    Args:
        conclusion: What it comes to.
        suspects: All that was switched, in the order of the plan.
        guilty: What is named: one, or several that are guilty only together.
        more: Whether it is bad without the guilty too, so that others are guilty as well; None
            where that is not known.
        among: Where nothing is named: the layer names that it comes down to, the smallest bad set
            of a contradiction, or what is left of the suspects.
        never_called: Suspects that were on and never called: they are not acquitted.
        trials: Every run, in order.
        diagnostics: `guilty-kernel` and `kernel-never-called`, each at its entry.
    """

    conclusion: Conclusion
    suspects: tuple[Suspect, ...]
    guilty: tuple[Suspect, ...] = ()
    more: bool | None = None
    among: tuple[str, ...] = ()
    never_called: tuple[Suspect, ...] = ()
    trials: tuple[Trial, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it is good with every kernel, and each was called."""
        return self.conclusion is Conclusion.GOOD and not self.diagnostics

    def placed(self, place: Callable[[Sequence[Diagnostic]], tuple[Diagnostic, ...]]) -> Bisection:
        """The same, with diagnostics where their config states what they are about."""
        return replace(self, diagnostics=place(self.diagnostics))

    def __str__(self) -> str:
        return "\n".join([summary(self), *map(str, self.diagnostics)])


def summary(bisection: Bisection) -> str:
    """What a bisection comes to, in a sentence."""
    count = len(bisection.trials)
    after = f"{count} {'trial' if count == 1 else 'trials'}"
    among = listing(bisection.among[:_SHOWN], "and")
    if len(bisection.among) > _SHOWN:
        among += f" and {len(bisection.among) - _SHOWN} more"
    guilty = listing([suspect.layer_name for suspect in bisection.guilty], "and")
    texts = {
        Conclusion.GOOD: f"good with every kernel, of {len(bisection.suspects)} ({after})",
        Conclusion.GUILTY: f"guilty: {guilty} ({after})",
        Conclusion.BAD_WITHOUT_KERNELS: "bad with none of the kernels too: they are not the cause "
        f"({after})",
        Conclusion.CONTRADICTION: f"contradiction: bad with {among}, and good with the same and "
        f"more: the answers are not always the same, or two faults cancel each other ({after})",
        Conclusion.UNDECIDED: f"undecided: among {among}; it could not be told often enough "
        f"({after})",
        Conclusion.NOT_KERNELIZED: "good, but nothing tells that a kernel was in place: kernelize "
        f"with the config of KERNEL_SCHEMA_CONFIG, and let the process end by itself ({after})",
        Conclusion.NO_KERNELS: "the config puts no kernel in place in this model: `kernel-schema "
        "explain` tells why",
    }
    return texts[bisection.conclusion]


def conclude(
    suspects: Sequence[Suspect],
    run: Callable[[Collection[str]], Trial],
    *,
    repeat: int = 1,
    progress: Callable[[Trial], None] | None = None,
) -> Bisection:
    """Bisect: with every kernel, with none, and then as `search` asks.

    Args:
        suspects: What is switched.
        run: Runs once with the kernels of these layer names.
        repeat: How often a set is run, until it is bad.
        progress: Called after each run.
    """
    trials = _Trials(suspects, run, repeat, progress)
    found = _found(len(suspects), trials)
    guilty = tuple(suspects[number] for number in found.guilty)
    silent: tuple[Suspect, ...] = ()
    if found.conclusion in {Conclusion.GOOD, Conclusion.GUILTY}:
        silent = tuple(each for each in never_called(suspects, trials.done) if each not in guilty)
    return Bisection(
        found.conclusion,
        tuple(suspects),
        guilty,
        found.more,
        tuple(suspects[number].layer_name for number in sorted(found.among)),
        silent,
        tuple(trials.done),
        (*_guilty(guilty, more=found.more), *map(_never_called, silent)),
    )


class _Trials:
    """Answers a question by running as often as it takes, and keeps what was run."""

    def __init__(
        self,
        suspects: Sequence[Suspect],
        run: Callable[[Collection[str]], Trial],
        repeat: int,
        progress: Callable[[Trial], None] | None,
    ) -> None:
        self.done: list[Trial] = []
        self._names = [suspect.layer_name for suspect in suspects]
        self._run = run
        self._repeat = repeat
        self._progress = progress

    def __call__(self, on: Things) -> Answer:
        names = tuple(self._names[number] for number in sorted(on))
        answers: set[Answer] = set()
        for _ in range(self._repeat):
            trial = self._run(names)
            self.done.append(trial)
            if self._progress is not None:
                self._progress(trial)
            if trial.answer is Answer.BAD:
                return Answer.BAD
            answers.add(trial.answer)
        return Answer.GOOD if answers == {Answer.GOOD} else Answer.UNKNOWN


class _Found(NamedTuple):
    conclusion: Conclusion
    guilty: tuple[int, ...] = ()
    more: bool | None = None
    among: Things = frozenset()


def _found(count: int, ask: _Trials) -> _Found:
    everything = frozenset(range(count))
    if not everything:
        return _Found(Conclusion.NO_KERNELS)
    answer = ask(everything)
    if answer is Answer.GOOD:
        known = any(trial.calls is not None for trial in ask.done)
        return _Found(Conclusion.GOOD if known else Conclusion.NOT_KERNELIZED)
    without = ask(frozenset()) if answer is Answer.BAD else Answer.UNKNOWN
    if without is Answer.BAD:
        return _Found(Conclusion.BAD_WITHOUT_KERNELS)
    if without is Answer.UNKNOWN:
        return _Found(Conclusion.UNDECIDED, among=everything)
    try:
        guilty = search(count, ask)
    except Contradiction as contradiction:
        return _Found(Conclusion.CONTRADICTION, among=contradiction.bad)
    except Undecided as undecided:
        return _Found(Conclusion.UNDECIDED, among=undecided.suspects)
    return _Found(Conclusion.GUILTY, guilty.things, guilty.more)


def never_called(suspects: Sequence[Suspect], trials: Sequence[Trial]) -> list[Suspect]:
    """The suspects that were on in runs that tell of calls, and called in none of them."""
    counts: dict[str, int] = {}
    for trial in trials:
        if trial.calls is not None:
            for name in trial.on:
                counts[name] = counts.get(name, 0) + trial.calls.get(name, 0)
    return [each for each in suspects if counts.get(each.layer_name) == 0]


def _guilty(guilty: Sequence[Suspect], *, more: bool | None) -> list[Diagnostic]:
    help_text = "use another kernel, or `original` for this layer"
    if more:
        help_text += "; without it is still bad: bisect again with that, another is guilty too"
    told: list[Diagnostic] = []
    for suspect in guilty:
        kernel = f"the kernel of {quote(suspect.layer_name)}"
        others = [each.layer_name for each in guilty if each is not suspect]
        if others:
            message = f"{kernel} is guilty together with that of {listing(others, 'and')}: "
            message += "with less it is good"
        else:
            message = f"{kernel} is guilty: with it alone it is bad"
            message += ", without it good" if more is False else ""
        told.append(_at(suspect, "guilty-kernel", message, help_text))
    return told


def _never_called(suspect: Suspect) -> Diagnostic:
    return _at(
        suspect,
        "kernel-never-called",
        f"the kernel of {quote(suspect.layer_name)} was in place, and never called",
        "run the model on inputs that reach the layer, or take the entry out: nothing shows that "
        "it is right",
    )


def _at(suspect: Suspect, code: Code, message: str, help_text: str) -> Diagnostic:
    if suspect.is_inherited:
        message += "; it is inherited"
    return Diagnostic(
        code,
        message,
        Route() if suspect.is_inherited else suspect.route,
        help_text,
        Severity.ERROR,
    )
