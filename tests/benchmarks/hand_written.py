"""The validator that one would write by hand: what the models of the schema are measured against.

It takes what `KernelConfig` takes, makes the same checks with the same parser, builds the same
objects, and reports every error with its route. It knows no pydantic but for what it must build.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kernel_schema import (
    ORIGINAL,
    CapabilityEntry,
    ConfigError,
    DeviceMapping,
    Diagnostic,
    KernelConfig,
    KernelSpec,
    ModeMapping,
    Route,
    parse_kernel_ref,
)
from kernel_schema.schema import ranges, values
from kernel_schema.schema.alternatives import (
    Holder,
    alternative,
    check_device,
    check_mode,
    meant_alternative,
)
from kernel_schema.schema.grammar import FrozenDict
from kernel_schema.schema.meant.config_keys import unknown_config_key
from kernel_schema.schema.meant.forms import misfit
from kernel_schema.schema.meant.keys import (
    BOUNDS_ALONE,
    MISSING_KERNEL,
    MISSING_MAPPING,
    unknown_option,
)
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.vocabulary import RANGE_KEYS
from kernel_schema.typeguards import is_list, is_tuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Steps = tuple[Any, ...]

_SPEC_CHECKS: Final[dict[str, Callable[[Any], Any]]] = {
    "kernel": values.check_kernel,
    "version": values.check_version,
    "revision": values.check_revision,
    "lockfile": values.check_lockfile,
}
_FAILED: Final = object()


def validate(document: Mapping[str, Any]) -> KernelConfig:
    """Build a config from what a file holds.

    Raises:
        ConfigError: With every error.
    """
    return _Validator().config(document)


class _Validator:
    def __init__(self) -> None:
        self._errors: list[Diagnostic] = []

    def config(self, document: Mapping[str, Any]) -> KernelConfig:
        fields: dict[str, Any] = {}
        meant: set[str | None] = set()
        for key, value in document.items():
            if key == "kernel_mapping":
                fields[key] = self._layers(value)
            elif key == "inherit_mapping":
                fields[key] = self._checked(values.check_inherit_mapping, value, (), key)
            elif key == "$schema":
                fields["schema_uri"] = self._checked(values.check_schema_uri, value, (), key)
            else:
                unknown = unknown_config_key(key, document)
                if unknown is not None:
                    meant.add(unknown.meant)
                    self._report(unknown, (key,))
        if "kernel_mapping" not in document and "kernel_mapping" not in meant:
            self._report(MISSING_MAPPING, ("kernel_mapping",))
        if self._errors:
            raise ConfigError(_one_a_place(self._errors))
        return KernelConfig.model_construct(**fields)

    def _layers(self, table: Any) -> Any:
        if not isinstance(table, Mapping):
            self._report(
                Problem("invalid-kernel-mapping", "`kernel_mapping` is not a table of layers"),
                ("kernel_mapping",),
            )
            return _FAILED
        entries: dict[str, Any] = {}
        for name, value in table.items():
            route = ("kernel_mapping", name)
            if self._checked(values.check_layer_name, name, ("kernel_mapping",), name) is _FAILED:
                continue
            entries[name] = self._entry(value, route, "layer")
        return FrozenDict(entries)

    def _entry(self, value: Any, route: Steps, holder: Holder) -> Any:
        """What stands for a layer, a device or a mode."""
        kind = type(value)
        if kind is str:
            return self._string(value, route, holder)
        found = alternative(value)
        if found == "other":
            found = meant_alternative(value, holder)
        if found == "string":
            return self._string(value, route, holder)
        if found == "kernel":
            return self._spec(value, route)
        if found == "modes" and holder != "mode":
            return self._modes(value, route)
        if found == "devices" and holder == "layer":
            return self._devices(value, route)
        if found == "ranges" and holder == "device":
            return tuple(self._range(one, (*route, index)) for index, one in enumerate(value))
        return self._refused(value, route, holder)

    def _string(self, value: Any, route: Steps, holder: Holder) -> Any:
        if value == ORIGINAL and holder != "mode":
            return ORIGINAL
        if isinstance(value, str):
            try:
                return parse_kernel_ref(value)
            except ConfigError:
                pass
        # Slow, and right about what the string may have meant.
        check = values.check_kernel if holder == "mode" else values.check_entry_string
        return self._checked(check, value, route)

    def _spec(self, value: Any, route: Steps) -> Any:
        if isinstance(value, KernelSpec):
            return value
        if isinstance(value, tuple):
            return self._spec_of_tuple(value, route)
        return self._spec_of_table(value, lambda key: (*route, key))

    def _spec_of_tuple(self, value: tuple[Any, ...], route: Steps) -> Any:
        if len(value) == 2 and isinstance(value[1], Mapping) and "kernel" not in value[1]:
            table = {"kernel": value[0], **value[1]}
            return self._spec_of_table(
                table, lambda key: (*route, 0) if key == "kernel" else (*route, 1, key)
            )
        self._report(
            Problem("invalid-entry", "a tuple is a kernel and a dict of its options"), route
        )
        return _FAILED

    def _spec_of_table(self, table: Mapping[str, Any], place_of: Callable[[str], Steps]) -> Any:
        if len(table) > 1:
            for key, found in values.option_problems(table):
                self._report(found, place_of(key))
        fields: dict[str, Any] = {}
        meant: set[str | None] = set()
        for key, value in table.items():
            check = _SPEC_CHECKS.get(key)
            if check is not None:
                fields[key] = self._checked(check, value, place_of(key))
            elif key == "trust_remote_code":
                fields[key] = self._trust(value, place_of(key))
            else:
                unknown = unknown_option(key, table, place_of(key)[:-1])
                if unknown is not None:
                    meant.add(unknown.meant)
                    self._report(unknown, place_of(key))
        if "kernel" not in table and "kernel" not in meant:
            self._report(MISSING_KERNEL, place_of("kernel"))
        return KernelSpec.model_construct(**fields)

    def _trust(self, value: Any, route: Steps) -> Any:
        if value and (is_list(value) or is_tuple(value)):
            items = enumerate(value)
            return tuple(self._checked(values.check_repo_id, one, (*route, i)) for i, one in items)
        return self._checked(values.check_trust, value, route)

    def _modes(self, value: Any, route: Steps) -> Any:
        if isinstance(value, ModeMapping):
            return value
        entries: dict[Any, Any] = {}
        for key, entry in value.items():
            mode = self._checked(check_mode, key, route, key)
            if mode is not _FAILED:
                entries[mode] = self._entry(entry, (*route, key), "mode")
        return ModeMapping.model_construct(root=FrozenDict(entries))

    def _devices(self, value: Any, route: Steps) -> Any:
        if isinstance(value, DeviceMapping):
            return value
        for below, found in ranges.device_problems(value):
            self._report(found, (*route, *below))
        entries: dict[Any, Any] = {}
        for key, entry in value.items():
            device = self._checked(check_device, key, route, key)
            if device is not _FAILED:
                entries[device] = self._entry(entry, (*route, key), "device")
        return DeviceMapping.model_construct(root=FrozenDict(entries))

    def _range(self, value: Any, route: Steps) -> Any:
        if isinstance(value, CapabilityEntry):
            return value
        if not isinstance(value, Mapping):
            return self._refused(value, route, "range")
        table = dict(value)
        bounds = {key: table.pop(key) for key in RANGE_KEYS if key in table}
        fields = {
            key: self._checked(values.check_capability, bound, route, key)
            for key, bound in bounds.items()
        }
        if bounds and (wrong := ranges.bounds_problem(bounds)):
            self._report(wrong, (*route, "min_capability"))
        if bounds and not table:
            self._report(BOUNDS_ALONE, route)
        found = meant_alternative(table, "range")
        if table == {"kernel": ORIGINAL}:
            fields["entry"] = ORIGINAL
        elif found == "kernel":
            fields["entry"] = self._spec(table, route)
        elif found == "modes":
            fields["entry"] = self._modes(table, route)
        else:
            fields["entry"] = self._refused(table, route, "range")
        return CapabilityEntry.model_construct(**fields)

    def _checked(self, check: Callable[[Any], Any], value: Any, *place: Any) -> Any:
        outcome = check(value)
        if type(outcome) is Problem:
            self._report(outcome, (*place[0], *place[1:]))
            return _FAILED
        return outcome

    def _refused(self, value: Any, route: Steps, holder: Holder) -> Any:
        below, found = misfit(value, holder, route)
        self._report(found, (*route, *below))
        return _FAILED

    def _report(self, problem: Problem, steps: Steps) -> None:
        route = Route(tuple(map(_step, steps)), at_key=problem.at_key)
        self._errors.append(Diagnostic(problem.code, problem.message, route, problem.help))


def _one_a_place(errors: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The first error at each place, and none below a wrong key."""
    by_place: dict[Any, Diagnostic] = {}
    for error in errors:
        by_place.setdefault(error.route.steps, error)
    wrong_keys = {steps for steps, error in by_place.items() if error.route.at_key}
    return [
        error
        for steps, error in by_place.items()
        if not any(steps[:end] in wrong_keys for end in range(1, len(steps)))
    ]


def _step(key: Any) -> str | int:
    return key if isinstance(key, (str, int)) else str(key)
