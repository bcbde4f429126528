"""Does a config fit what is on the Hub? What `check` asks, and what only the Hub can say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from kernel_schema.builds.this_machine import this_machine
from kernel_schema.checks.paths import is_looked_at
from kernel_schema.diagnostics import Diagnostic, HubError, Severity
from kernel_schema.hub.asking import Asking
from kernel_schema.hub.client import Hub
from kernel_schema.locks.kernels_lock import locked_commit
from kernel_schema.locks.pins import is_commit, pin_of, pins_of
from kernel_schema.locks.progress import SILENT
from kernel_schema.locks.step import layers_of, relocked
from kernel_schema.lowering.check import Asked, check_as
from kernel_schema.schema.rules import HubKernel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from kernel_schema.choice.situation import Situation
    from kernel_schema.files.read import ConfigSource
    from kernel_schema.locks.progress import Progress
    from kernel_schema.model.types import DeviceInput, ModeInput, Module
    from kernel_schema.schema.models import KernelConfig
    from kernel_schema.schema.rules import Rule

_AT_ONCE: Final = 8
"""Repositories that are asked about at once."""
_LEAVE_IT_OUT: Final = "leave `--hub` out: nothing else of a check asks the Hub"


def check_hub(
    config: ConfigSource,
    *,
    targets: Sequence[str] = (),
    model: Module | None = None,
    device: DeviceInput | None = None,
    mode: ModeInput | None = None,
    capability: int | None = None,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
) -> tuple[Diagnostic, ...]:
    """Find everything that is wrong with a config, what only the Hub can say of it included.

    Asked is whether repositories, versions, revisions, builds and layers are there, whether the
    Hub calls their publishers trusted, and what has moved since it was locked: with a lock it is
    the locked commits that are looked at. The cache is left aside. No code of a kernel runs, and
    nothing is downloaded but a few small files for each kernel, which are kept nowhere.

    Args:
        config: A config, in any form of `ConfigSource`; a document or a path gives diagnostics its
            positions.
        targets: Machines that need a build, such as `torch2.13-cu130-x86_64-linux`. Without one,
            that this machine has none is a warning, and that Python packages are missing here too.
        model: As `check` takes it.
        device: As `check` takes it.
        mode: As `check` takes it.
        capability: As `check` takes it.
        ignore: As `check` takes it.
        select: As `check` takes it.

    Returns:
        The problems in the order of the config, warnings among them; where the Hub does not
        answer, `hub-unreachable` is one, and there may be more that is wrong.

    Raises:
        HubError: With code `missing-dependency`, if huggingface_hub is not installed.
        LoweringError: As `check` does.
        ConfigError: As `check` does.

    >>> check_hub({"A": "original"})
    ()
    """
    asked = Asked(
        model,
        device=device,
        mode=mode,
        capability=capability,
        targets=targets,
        ignore=ignore,
        select=select,
        further=HubQuestions(),
    )
    return check_as(config, asked)


class HubQuestions:
    """Asks the Hub (`hub`) about the kernels of any number of configs, about each once.

    Raises:
        HubError: With code `missing-dependency`, if huggingface_hub is not installed.
    """

    def __init__(self, hub: Hub | None = None, progress: Progress = SILENT) -> None:
        self.hub = hub or Hub(instead=_LEAVE_IT_OUT)
        self.progress = progress
        self._machine = this_machine()
        # Why nothing is asked any more, and the repository that was asked about then.
        self._silence: tuple[Diagnostic, str] | None = None

    def __call__(self, config: KernelConfig, situation: Situation, /) -> Iterator[Diagnostic]:
        """What the Hub says of a config: a `Further` of `Asked`."""
        rules, problems = _asked(situation)
        yield from problems
        asked = pins_of(rules)
        asking = Asking(self.hub, config, situation, asked, self._machine)
        repositories = dict.fromkeys(pin.repo_id for pin in asked)
        self.progress.begin("asking", len(repositories))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for found in pool.map(partial(self._of, asking), repositories):
                yield from found
        yield from _moving(asking)
        if asked and self._silence is not None:
            problem, repo_id = self._silence
            concerned = [rule for pin in asked if pin.repo_id == repo_id for rule in asked[pin]]
            first = next(iter(asked.values()))
            yield replace(problem, route=(concerned or first)[0].route)

    def _of(self, asking: Asking, repo_id: str) -> list[Diagnostic]:
        """What is said of a repository; nothing once the Hub did not answer."""
        found: list[Diagnostic] = []
        if self._silence is None:
            try:
                found += asking.of_repository(repo_id)
            except HubError as error:
                self._silence = self._silence or (error.diagnostics[0], repo_id)
        self.progress.advance("asking", 1)
        return found


def _asked(situation: Situation) -> tuple[list[Rule], list[Diagnostic]]:
    """The rules whose kernels are asked about, and lock files of kernels that cannot be used.

    Beside those of the config that is what its lock has of what it inherits. What a lock file of
    kernels pins is asked about at that commit.
    """
    rules: list[Rule] = []
    problems: list[Diagnostic] = []
    for rule in situation.rules:
        kernel = rule.kernel
        if not isinstance(kernel, HubKernel) or kernel.lockfile is None:
            rules.append(rule)
        elif is_looked_at(kernel.lockfile):
            commit = locked_commit(kernel.lockfile, kernel.repo_id)
            if isinstance(commit, Diagnostic):
                problems.append(replace(commit, route=rule.route))
            elif commit is not None:  # that it is not there is told anyhow
                kernel = replace(kernel, version=None, revision=commit, lockfile=None)
                rules.append(replace(rule, kernel=kernel))
    own = {pin: layers_of(asking) for pin, asking in pins_of(situation.rules).items()}
    if situation.lock is not None:
        rules += (
            rule
            for rule in relocked(situation.rules, situation.lock)
            if (pin := pin_of(rule.kernel)) is None or rule.layer_name not in own.get(pin, ())
        )
    return rules, problems


def _moving(asking: Asking) -> Iterator[Diagnostic]:
    """Kernels that nothing pins: `moving-kernel`, once."""
    asked, lock = asking.asked, asking.situation.lock
    locked = {} if lock is None else lock.by_pin
    moving = [
        pin for pin in asked if pin in asking.there - locked.keys() and not is_commit(pin.ref)
    ]
    if moving:
        others = f", and so {'does' if len(moving) == 2 else 'do'} {len(moving) - 1} more"
        yield Diagnostic(
            "moving-kernel",
            f"`{moving[0]}` names a branch, which can move at any time"
            f"{others if len(moving) > 1 else ''}",
            asked[moving[0]][0].route,
            "pin it to its bytes: `kernel-schema lock FILE`",
            Severity.WARNING,
        )
