"""Whether a lock is in step with what a config asks for, told without a network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.diagnostics import Diagnostic, Route
from kernel_schema.locks.lock import Lock
from kernel_schema.locks.pins import Pin, pin_of, pins_of
from kernel_schema.schema.ranges import EVERY_CAPABILITY
from kernel_schema.schema.rules import HubKernel, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Kept(NamedTuple):
    """What of a lock serves a config.

    Args:
        lock: The kernels that are asked for and locked, with the layers that the config names.
        missing: What is asked for, by the config or by a kernel, and is not locked.
    """

    lock: Lock
    missing: tuple[Pin, ...]


def kept(rules: Iterable[Rule], lock: Lock) -> Kept:
    """What of a lock serves a config.

    >>> from kernel_schema import KernelConfig, expand
    >>> kept(expand(KernelConfig({"A": "org/a:L"})), Lock()).missing
    (Pin(repo_id='org/a', version=1, revision=None),)
    """
    wanted = pins_of(rules)
    needed: dict[Pin, None] = {}
    waiting = [*wanted]
    while waiting:
        pin = waiting.pop()
        if pin not in needed:
            needed[pin] = None
            locked = lock.by_pin.get(pin)
            waiting += locked.kernel_depends if locked is not None else ()
    serving = [
        replace(lock.by_pin[pin], layers=layers_of(wanted.get(pin, ())))
        for pin in needed
        if pin in lock.by_pin
    ]
    missing = sorted((pin for pin in needed if pin not in lock.by_pin), key=lambda pin: pin.order)
    return Kept(Lock(tuple(serving)), tuple(missing))


def layers_of(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The layers that some rules name, as a lock has them."""
    return tuple(sorted({getattr(rule.kernel, "layer_name", "") for rule in rules}))


def locked_rules(rules: Iterable[Rule], lock: Lock) -> tuple[Rule, ...]:
    """The rules, their kernels with the commit that they are locked to."""
    return tuple(_locked_rule(rule, lock) for rule in rules)


def _locked_rule(rule: Rule, lock: Lock) -> Rule:
    pin = pin_of(rule.kernel)
    locked = None if pin is None else lock.by_pin.get(pin)
    if locked is None or not isinstance(rule.kernel, HubKernel):
        return rule
    return replace(rule, kernel=replace(rule.kernel, commit=locked.commit))


def left_in_force(rules: Iterable[Rule], inherited: Iterable[Rule]) -> tuple[Rule, ...]:
    """What a config inherits and does not replace: where it names neither layer nor device."""
    named = {(rule.layer_name, rule.device) for rule in rules}
    return tuple(
        rule
        for rule in inherited
        if named.isdisjoint({(rule.layer_name, None), (rule.layer_name, rule.device)})
    )


def locked_inheritance(
    rules: Iterable[Rule], inherited: tuple[Rule, ...], lock: Lock | None
) -> tuple[tuple[Rule, ...], tuple[Diagnostic, ...]]:
    """What a config inherits as a lock of that has it, and what such a lock lacks."""
    if lock is None or lock.inherits is None:
        return inherited, ()
    lacking = unlocked(left_in_force(rules, inherited), lock)
    return locked_rules(inherited, lock), tuple(
        dict.fromkeys(replace(problem, route=INHERITING, help=RELOCK) for problem in lacking)
    )


def inherited_pins(rules: Iterable[Rule], lock: Lock) -> tuple[Pin, ...]:
    """What of a lock a config inherits: it has layers of it that the config does not name."""
    if lock.inherits is None:
        return ()
    own = pins_of(rules)
    return tuple(
        locked.pin
        for locked in lock.kernels
        if not {*locked.layers} <= {*layers_of(own.get(locked.pin, ()))}
    )


def relocked(rules: Iterable[Rule], lock: Lock) -> Iterator[Rule]:
    """What of a lock a config inherits, as rules that ask for the same."""
    for pin in inherited_pins(rules, lock):
        for layer_name in lock.by_pin[pin].layers:
            kernel = HubKernel(pin.repo_id, layer_name, pin.version, pin.revision)
            yield Rule(layer_name, None, EVERY_CAPABILITY, None, kernel, INHERITING)


def unlocked_inheritance(rules: Iterable[Rule], lock: Lock) -> Iterator[Diagnostic]:
    """What kernels that are inherited depend on and a lock does not have."""
    for pin in inherited_pins(rules, lock):
        if (lacking := lock.lacking(pin)) is not None:
            message = f"`{lacking}`, on which `{pin}` depends, is not in the lock file"
            yield Diagnostic("lock-out-of-step", message, INHERITING, RELOCK)


ROUTE: Final = Route(("lockfile",))
"""Where a config names its lock."""
INHERITING: Final = Route(("inherit_mapping",))
"""Where a config says whether it inherits kernels that it does not name."""
RELOCK: Final = "what is inherited has changed since: lock again, `kernel-schema lock FILE`"
LOCK_IT: Final = "lock it: `kernel-schema lock FILE`"


def unlocked(rules: Iterable[Rule], lock: Lock) -> Iterator[Diagnostic]:
    """Kernels that a config asks for and a lock does not have: `lock-out-of-step`."""
    for pin, asking in pins_of(rules).items():
        lacking = lock.lacking(pin)
        if lacking is not None:
            through = "" if lacking == pin else f", on which `{pin}` depends,"
            message = f"`{lacking}`{through} is not in the lock file"
            for rule in asking:
                yield Diagnostic("lock-out-of-step", message, rule.route, LOCK_IT)


def out_of_step(rules: Iterable[Rule], lock: Lock) -> Iterator[Diagnostic]:
    """Every way in which locking again would change a lock: `lock-out-of-step`."""
    rules = tuple(rules)
    yield from unlocked(rules, lock)
    serving = kept(rules, lock).lock.by_pin
    for pin, locked in lock.by_pin.items():
        message = None
        if pin not in serving:
            message = f"`{pin}` is in the lock file, and nothing asks for it"
        elif serving[pin].layers != locked.layers:
            message = f"the layers of `{pin}` in the lock file are not those that are named here"
        if message is not None:
            yield Diagnostic("lock-out-of-step", message, ROUTE, LOCK_IT)
