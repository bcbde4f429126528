"""The mapping that is active in the kernels library, as rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_schema.diagnostics import LoweringError, Route
from kernel_schema.lowering.upstream import active_mapping, kernel_of, ranges_of
from kernel_schema.model.target import resolve_mode
from kernel_schema.schema.ranges import EVERY_CAPABILITY, Capabilities
from kernel_schema.schema.rules import INHERITED, Rule, RuntimeChoice
from kernel_schema.schema.vocabulary import DEVICE_NAMES, DeviceType, ModeName
from kernel_schema.typeguards import is_table

if TYPE_CHECKING:
    from collections.abc import Iterator


def inherited_rules() -> tuple[Rule, ...]:
    """What is registered in kernels right now, in this context: routes start with `inherited`."""
    return tuple(_rules(active_mapping()))


def _rules(mapping: dict[str, Any]) -> Iterator[Rule]:
    for layer_name, entry in mapping.items():
        # What is no table is a callable, which picks a kernel on every device.
        by_device = entry if is_table(entry) else dict.fromkeys(DEVICE_NAMES, entry)
        for device, repositories in by_device.items():
            if device not in DEVICE_NAMES:
                continue
            if callable(repositories):
                yield from rules_of(layer_name, device, EVERY_CAPABILITY, repositories)
                continue
            for capabilities, by_mode in ranges_of(DeviceType(device), repositories):
                yield from rules_of(layer_name, device, capabilities, by_mode)


def place_of(key: Any) -> tuple[Any, Capabilities]:
    """The device and range of capability that a key of a mapping means: a name, or a `Device`."""
    properties = getattr(key, "properties", None)
    bounds = EVERY_CAPABILITY
    if properties is not None:
        bounds = Capabilities(properties.min_capability, properties.max_capability)
    return getattr(key, "type", key), bounds


def rules_of(
    layer_name: str, device_name: str, capabilities: Capabilities, repositories: Any
) -> Iterator[Rule]:
    """One entry of a mapping of kernels as rules; none for a device that we do not know.

    An entry is a repository object, such objects by `kernels.Mode`, or a callable that picks one
    when kernelize runs.
    """
    if device_name not in DEVICE_NAMES:
        return
    device = DeviceType(device_name)
    route = Route((INHERITED, layer_name, device.value))
    if not is_table(repositories):
        kernel = _picked_by(repositories) if callable(repositories) else kernel_of(repositories)
        yield Rule(layer_name, device, capabilities, ModeName.FALLBACK, kernel, route)
        return
    named = [(mode, repo) for key, repo in repositories.items() if (mode := _mode(key))]
    if not named:
        # An entry without a kernel that is ever selected: the model's own forward stays.
        yield Rule(layer_name, device, capabilities, None, None, route)
    for mode, repo in named:
        yield Rule(layer_name, device, capabilities, mode, kernel_of(repo), route)


def _picked_by(selector: Any) -> RuntimeChoice:
    module = getattr(selector, "__module__", None) or type(selector).__module__
    name = getattr(selector, "__qualname__", None) or type(selector).__qualname__
    return RuntimeChoice(f"{module}.{name}")


def _mode(key: Any) -> ModeName | None:
    """The mode of a key of kernels; None for the combinations that kernels never selects."""
    try:
        return resolve_mode(key)
    except LoweringError:
        return None
