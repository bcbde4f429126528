"""Whether two places run the same: ranks of a job, or a trainer and its rollouts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.choice.plan import Plan
from kernel_schema.choice.report import Report
from kernel_schema.diagnostics import Diagnostic, PlanMismatchError, Route
from kernel_schema.model.ranks import Ranks, rank_list
from kernel_schema.schema.arguments import wrong_argument
from kernel_schema.schema.rules import HubKernel, RuntimeChoice
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from kernel_schema.choice.report import KernelInUse, LayerOutcome


class Part(NamedTuple):
    """One thing that runs for a layer; its own forward where there is no class.

    Args:
        kernel: The kernel as the config asks for it, in words.
        commit: Its commit: as it is locked, or that of the cache from which it was loaded.
        layer_class: Name of its class.
        forwards: For how many forwards of the layer, where something else runs for others.
        on_hub: Whether the kernel is one of the Hub, which has commits.
    """

    kernel: str | None = None
    commit: str | None = None
    layer_class: str | None = None
    forwards: int | None = None
    on_hub: bool = False

    @property
    def name(self) -> str:
        """The kernel with its commit, as it is shown."""
        if self.layer_class is None:
            return "its own forward"
        if self.commit is None or f"@{self.commit}" in str(self.kernel):
            return str(self.kernel)
        return f"{self.kernel} (commit {self.commit[:12]})"

    def __str__(self) -> str:
        name = self.name if self.layer_class is None else f"`{self.name}`"
        return name if self.forwards is None else f"{name} ({self.forwards})"


Running = tuple[Part, ...]
"""All that runs for a layer."""


def running(layer: LayerOutcome) -> Running:
    """What runs for a layer, planned or seen: equal where it is the same code."""
    parts = [_part(used) for used in layer.kernels]
    if layer.replaced < layer.total:
        parts.append(Part(forwards=layer.total - layer.replaced))
    if len(parts) == 1:
        # How many there are is no matter of what runs: stages of a pipeline have more or fewer.
        return (parts[0]._replace(forwards=None),)
    return tuple(sorted(parts, key=str))


class Pair(NamedTuple):
    """What runs for one layer in two places.

    Args:
        layer_name: The layer.
        total: How many forwards it has.
        old: What runs in the one place.
        new: What runs in the other.
        undecided: Whether something that is run decides, of which no plan can tell.
    """

    layer_name: str
    total: int
    old: Running
    new: Running
    undecided: bool

    @property
    def differs(self) -> bool:
        """Whether another kernel runs, or another commit of it, as far as both are locked."""
        if len(self.old) != len(self.new):
            return True
        return any(
            one._replace(commit=None) != other._replace(commit=None)
            or (one.commit != other.commit and None not in (one.commit, other.commit))
            for one, other in zip(self.old, self.new, strict=True)
        )

    @property
    def is_unlocked(self) -> bool:
        """Whether a kernel on the Hub runs of which no lock says the commit."""
        return any(each.on_hub and each.commit is None for each in (*self.old, *self.new))


def held_together(old: Plan, new: Plan) -> list[Pair]:
    """What two plans of one model have for each of its layers, in its order."""
    return [
        Pair(
            after.layer_name,
            after.total,
            running(before),
            running(after),
            any(
                isinstance(each.rule and each.rule.kernel, RuntimeChoice)
                for each in (before, after)
            ),
        )
        for before, after in zip(old.layers, new.layers, strict=True)
    ]


_SNAPSHOT: Final = re.compile(r"/snapshots/([0-9a-f]{40}|[0-9a-f]{64})/build/")


def _part(used: KernelInUse) -> Part:
    kernel = used.kernel
    commit = getattr(kernel, "commit", None)
    if commit is None and used.file is not None:
        found = _SNAPSHOT.search(PurePath(used.file).as_posix())
        commit = found and found[1]
    if isinstance(kernel, HubKernel):
        kernel = replace(kernel, commit=None)
    name = str(kernel or used.layer_class)
    return Part(name, commit, used.layer_class, used.count, isinstance(kernel, HubKernel))


def same_on_all_ranks(plan: Plan | Report, group: Any = None) -> None:
    """Hold against each other what runs on the ranks of a job: a collective of torch.distributed.

    Every rank of the group has to call it; where one does not, the others raise after the timeout
    of the group. Each hands over a line a layer. Without a process group it does nothing.

    Args:
        plan: What `explain` tells on this rank; or the report of `kernelize` or `audit`, which
            knows the commit of a kernel without a lock too. The same on all ranks.
        group: The ranks that have to run the same, as a `torch.distributed.ProcessGroup`; all if
            left out. Name those of a stage where stages have other layers.

    Raises:
        PlanMismatchError: On every rank, if a layer has another kernel, commit or class on some,
            its own forward or no such layer included; with all that differs, layer by layer.
        KernelSchemaError: If a rank does not take part (`rank-missing`).
        TypeError: If it is no plan and no report, or no group that this rank is in.

    >>> from torch import nn
    >>> from kernel_schema import explain
    >>> class Norm(nn.Identity):
    ...     kernel_layer_name = "RMSNorm"
    >>> same_on_all_ranks(explain({"RMSNorm": "org/repo:Norm"}, Norm().eval(), device="cpu"))
    """
    if not isinstance(plan, (Plan, Report)):  # pyright: ignore[reportUnnecessaryIsInstance] (callers who do not check types)
        raise wrong_argument("plan", plan, "what `explain`, `kernelize` or `audit` gives")
    ranks = Ranks.of(group)
    if ranks is None:
        return
    mine = {layer.layer_name: running(layer) for layer in plan.layers}
    differing = differences(ranks.numbers, ranks.from_all(mine))
    if differing:
        raise PlanMismatchError(differing)


def differences(
    ranks: Sequence[int], told: Sequence[Mapping[str, Running]]
) -> tuple[Diagnostic, ...]:
    """Where ranks differ in what they run: `ranks-differ`, one for each layer.

    >>> norm = (Part("org/norm@v1:Norm", None, "Norm"),)
    >>> for each in differences([0, 1, 2], [{"Norm": norm}, {"Norm": norm}, {"Norm": (Part(),)}]):
    ...     print(each.message)
    `Norm` runs `org/norm@v1:Norm` on ranks 0-1, and its own forward on rank 2
    """
    names = dict.fromkeys(name for each in told for name in each)
    found: list[Diagnostic] = []
    for name in names:
        by_running: dict[Running | None, list[int]] = {}
        for rank, each in zip(ranks, told, strict=True):
            by_running.setdefault(each.get(name), []).append(rank)
        if len(by_running) > 1:
            message = f"{quote(name)} {_sides(by_running)}"
            route = Route(("kernel_mapping", name))
            found.append(Diagnostic("ranks-differ", message, route, _HELP))
    return tuple(found)


def _sides(by_running: Mapping[Running | None, Iterable[int]]) -> str:
    """What each of some ranks runs; that it is not registered comes last."""
    ordered = sorted(by_running.items(), key=lambda pair: pair[0] is None)
    texts = [
        f"{'is not registered' if each is None else ' and '.join(map(str, each))} on "
        f"{rank_list(numbers)}"
        for each, numbers in ordered
    ]
    return f"runs {', '.join(texts[:-1])}, and {texts[-1]}"


_HELP: Final = (
    "lock the config and fetch before the job starts, with `kernel-schema lock` and "
    "`kernel-schema fetch`; and use one config, device and mode on all ranks"
)
