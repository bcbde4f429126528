"""What is right of a config in which something is wrong, so that the rest can be checked too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kernel_schema.diagnostics import Route
from kernel_schema.files.parsed import holds
from kernel_schema.schema.models import KernelConfig, read_config
from kernel_schema.schema.vocabulary import ORIGINAL
from kernel_schema.typeguards import is_list, is_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.routes import Step

# What is taken out may show that something above it is wrong as well, but not often.
_ROUNDS: Final = 3


class ValidPart(NamedTuple):
    """What is right of a config, and the layers of which something was taken out."""

    config: KernelConfig
    incomplete: frozenset[Step]


def valid_part(value: Any, problems: Iterable[Diagnostic]) -> ValidPart | None:
    """The config without the entries in which there are problems; None if nothing is left.

    Entries are taken out whole: half a kernel is another kernel. A layer of which nothing is left
    stands there as `original`: its name was stated.

    >>> value = {"kernel_mapping": {"A": {"cdua": "o/r:L", "cpu": "o/r:L"}, "B": "o/r"}}
    >>> valid_part(value, read_config(value)).config.model_dump()["kernel_mapping"]
    {'A': {'cpu': 'o/r:L'}, 'B': 'original'}
    """
    incomplete: set[Step] = set()
    for _ in range(_ROUNDS):
        if not is_table(value):
            return None
        value = _copied(value)
        names = {each.route.steps[:2] for each in problems if each.route == _layer(each)}
        places = {_entry_around(value, problem.route.steps) for problem in problems}
        if () in places or ("kernel_mapping",) in places:
            return None
        # Where `original` is still wrong, it is the name.
        seen = {(name,) for name in incomplete}
        # The last first: positions in a list stay what they are.
        for steps in sorted(places, key=lambda steps: tuple(map(_rank, steps)), reverse=True):
            _take_out(value, steps, whole=steps[:2] in names or steps[1:2] in seen)
        incomplete.update(steps[1] for steps in places if len(steps) > 1)
        config = read_config(value)
        if isinstance(config, KernelConfig):
            return ValidPart(config, frozenset(incomplete))
        problems = config
    return None


def _layer(problem: Diagnostic) -> Route:
    """The name of the layer in which a problem is."""
    return Route(problem.route.steps[:2], at_key=True)


def _rank(step: Step) -> tuple[int, str]:
    return (step, "") if isinstance(step, int) else (0, step)


def _copied(value: Any) -> Any:
    if is_table(value):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if is_list(value) else value


def _entry_around(value: Any, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The entry that a place belongs to: that itself, or the kernel with options that it is in."""
    for end, step in enumerate(steps):
        # Layers may have any name.
        if not holds(value, step) or (end > 1 and is_table(value) and "kernel" in value):
            # A key of it is wrong, or missing.
            return tuple(steps[:end])
        value = value[step]
    return tuple(steps)


def _take_out(value: Any, steps: tuple[Step, ...], *, whole: bool) -> None:
    """Remove an entry, and what is empty without it; the name of a layer stays unless `whole`."""
    *above, last = steps
    holders = [value]
    for step in above:
        if not holds(holders[-1], step):  # taken out already, with what it is in
            return
        holders.append(holders[-1][step])
    while holders:
        holder = holders.pop()
        if len(holders) == 1 and steps[0] == "kernel_mapping" and not whole:
            holder[last] = ORIGINAL
            return
        if holds(holder, last):
            del holder[last]
        if holder or not above:
            return
        last = above.pop()
