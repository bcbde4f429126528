"""The grammar of a config: one function for each line of it, and the only validator.

Each takes a value and the route to it, notes what is wrong, and returns what the value means: of a
table with keys of its own the fields of its model. A string, a list and a table are told apart by
shape alone, tables by their keys: every mistake is found by the line that the value was meant for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kernel_schema.schema import values
from kernel_schema.schema.alternatives import declared, meant_alternative, misfit
from kernel_schema.schema.frozen import FrozenDict
from kernel_schema.schema.problems import Problem, Problems
from kernel_schema.schema.ranges import bounds_problem, device_problems
from kernel_schema.schema.vocabulary import CONFIG_KEYS, ORIGINAL, RANGE_KEYS, SPEC_KEYS
from kernel_schema.schema.wrong_keys import (
    BOUNDS_ALONE,
    INHERIT_AMONG_LAYERS,
    MISSING_KERNEL,
    MISSING_MAPPING,
    PYPROJECT_TABLE,
    is_config_key,
    layers_outside,
    unknown_config_key,
    unknown_option,
)
from kernel_schema.typeguards import is_list, is_table, is_tuple
from kernel_schema.wording import quote, show

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from typing_extensions import TypeIs

    from kernel_schema.schema.alternatives import Alternative, Holder
    from kernel_schema.schema.problems import Steps

Fields: TypeAlias = dict[str, Any]
Line: TypeAlias = Callable[["Reader", Any, "Steps"], Any]


class Reader:
    """Reads one value by the grammar, and collects what is wrong with it.

    Args:
        build: Makes the model for a table inside, of its alternative and what was read of it.
    """

    __slots__ = ("_build", "problems")

    def __init__(self, build: Callable[[Alternative, Any], Any]) -> None:
        self.problems = Problems()
        self._build = build

    def config(self, value: Any, steps: Steps) -> Fields:
        """`$schema? , kernel_mapping: {LayerName: LayerEntry} , inherit_mapping: bool = true`."""
        what = "a config: it must be a table with the key `kernel_mapping`"
        if not self._is_table(value, steps, what):
            return {}
        table = dict(value)
        if not self._states_layers(table, steps):
            return {}
        fields: Fields = {}
        if "$schema" in table:
            uri = values.check_schema_uri(table["$schema"])
            fields["schema_uri"] = self.take(uri, (*steps, "$schema"))
        if "kernel_mapping" in table:
            layers = self.layers(table["kernel_mapping"], (*steps, "kernel_mapping"))
            fields["kernel_mapping"] = layers
        if "inherit_mapping" in table:
            inherit = values.check_inherit_mapping(table["inherit_mapping"])
            fields["inherit_mapping"] = self.take(inherit, (*steps, "inherit_mapping"))
        lacking = {"kernel_mapping": MISSING_MAPPING}
        self._check_keys(table, CONFIG_KEYS, lacking, unknown_config_key, steps)
        return fields

    def _states_layers(self, table: dict[Any, Any], steps: Steps) -> bool:
        """Whether a config can be read on: layers that stand outside are taken out of `table`."""
        if "kernel_mapping" in table:
            return True
        if is_table(tool := table.get("tool")) and "kernel-schema" in tool:
            self.problems.note((*steps, "tool"), PYPROJECT_TABLE)
            return False
        outside = [
            key
            for key, value in table.items()
            if isinstance(key, str) and isinstance(value, (str, Mapping)) and not is_config_key(key)
        ]
        if outside:
            self.problems.note((*steps, outside[0]), layers_outside(outside))
            table["kernel_mapping"] = {}
            for key in outside:
                del table[key]
        return True

    def layers(self, value: Any, steps: Steps) -> FrozenDict[str, Any]:
        """`{LayerName: LayerEntry}`."""
        if not is_table(value):
            message = f"{show(value)} is not a table of layers for `kernel_mapping`"
            hint = None if value else "write `kernel_mapping: {}` for a config without layers"
            self.problems.note(steps, Problem("invalid-kernel-mapping", message, hint))
            return FrozenDict({})
        if isinstance(value.get("inherit_mapping"), bool):
            self.problems.note((*steps, "inherit_mapping"), INHERIT_AMONG_LAYERS)
        layers: dict[str, Any] = {}
        for name, entry in value.items():
            below = (*steps, name)
            layer_name = self.take(values.check_layer_name(name), below)
            layers[layer_name] = self.layer_entry(entry, below)
        return FrozenDict(layers)

    def layer_entry(self, value: Any, steps: Steps) -> Any:
        """`"original" | KernelRef | KernelSpec | ModeMapping | DeviceMapping`."""
        match meant_alternative(value, "layer"):
            case "string":
                return self.take(values.check_entry_string(value), steps)
            case "kernel":
                return self._part("kernel", self.kernel_spec, value, steps)
            case "modes":
                return self._part("modes", self.mode_mapping, value, steps)
            case "devices":
                return self._part("devices", self.device_mapping, value, steps)
            case _:
                return self._refuse(value, steps, "layer")

    def device_mapping(self, value: Any, steps: Steps) -> FrozenDict[Any, Any]:
        """`{DeviceType: DeviceEntry}`, at least one key."""
        if not self._is_stated(value, steps, "a table of devices"):
            return FrozenDict({})
        for below, problem in device_problems(value):
            self.problems.note((*steps, *below), problem)
        devices: dict[Any, Any] = {}
        for key, entry in value.items():
            below = (*steps, key)
            device = self.take(values.check_device(key), below)
            devices[device] = self.device_entry(entry, below)
        return FrozenDict(devices)

    def device_entry(self, value: Any, steps: Steps) -> Any:
        """`"original" | KernelRef | KernelSpec | ModeMapping | [CapabilityEntry, ...]`."""
        match meant_alternative(value, "device"):
            case "string":
                return self.take(values.check_entry_string(value), steps)
            case "kernel":
                return self._part("kernel", self.kernel_spec, value, steps)
            case "modes":
                return self._part("modes", self.mode_mapping, value, steps)
            case "ranges":
                return tuple(
                    self._part("range", self.capability_entry, item, (*steps, index))
                    for index, item in enumerate(value)
                )
            case _:
                return self._refuse(value, steps, "device")

    def capability_entry(self, value: Any, steps: Steps) -> Fields:
        """`(KernelSpec | kernel: "original" | ModeMapping) + min_capability? + max_capability?`."""
        if not is_table(value):
            return self._refuse(value, steps, "range") or {}
        table = dict(value)
        fields: Fields = {key: table.pop(key) for key in RANGE_KEYS if key in table}
        if problem := bounds_problem(fields):
            self.problems.note((*steps, "min_capability"), problem)
        if fields and not table:
            self.problems.note(steps, BOUNDS_ALONE)
        for key, bound in fields.items():
            fields[key] = self.take(values.check_capability(bound), (*steps, key))
        entry = ORIGINAL if table == {"kernel": ORIGINAL} else table
        fields["entry"] = self.range_entry(entry, steps)
        return fields

    def range_entry(self, value: Any, steps: Steps) -> Any:
        """What stands beside the bounds of a range: `"original" | KernelSpec | ModeMapping`."""
        match meant_alternative(value, "range"):
            case "string" if value == ORIGINAL:
                return ORIGINAL
            case "kernel":
                return self._part("kernel", self.kernel_spec, value, steps)
            case "modes":
                return self._part("modes", self.mode_mapping, value, steps)
            case _:
                return self._refuse(value, steps, "range")

    def mode_mapping(self, value: Any, steps: Steps) -> FrozenDict[Any, Any]:
        """`{ModeName: KernelRef | KernelSpec}`, at least one key."""
        if not self._is_stated(value, steps, "a table of modes"):
            return FrozenDict({})
        modes: dict[Any, Any] = {}
        for key, entry in value.items():
            below = (*steps, key)
            mode = self.take(values.check_mode(key), below)
            modes[mode] = self.mode_entry(entry, below)
        return FrozenDict(modes)

    def mode_entry(self, value: Any, steps: Steps) -> Any:
        """`KernelRef | KernelSpec`."""
        match meant_alternative(value, "mode"):
            case "string":
                return self.take(values.check_kernel(value), steps)
            case "kernel":
                return self._part("kernel", self.kernel_spec, value, steps)
            case _:
                return self._refuse(value, steps, "mode")

    def kernel_spec(self, value: Any, steps: Steps) -> Fields:
        """`kernel: KernelRef , (version | revision | lockfile)? , trust_remote_code`.

        Or transformers' tuple, `(KernelRef, {option: value})`.
        """
        if is_tuple(value):
            return self._kernel_tuple(value, steps)
        if not self._is_table(value, steps, "a kernel with options"):
            return {}
        return self._options(value, (*steps, "kernel"), steps)

    def _kernel_tuple(self, value: tuple[Any, ...], steps: Steps) -> Fields:
        if len(value) != 2 or not is_table(options := value[1]) or "kernel" in options:
            what = "a tuple is a kernel and a dict of its options"
            message = f"{quote(value)} cannot stand here: {what}"
            self.problems.note(steps, Problem("invalid-entry", message))
            return {}
        return self._options({"kernel": value[0], **options}, (*steps, 0), (*steps, 1))

    def _options(self, table: Mapping[Any, Any], kernel: Steps, steps: Steps) -> Fields:
        """A kernel at `kernel`, with its options below `steps`."""
        if len(table) > 1:
            for key, problem in values.option_problems(table):
                self.problems.note((*steps, key), problem)
        fields: Fields = {}
        if "kernel" in table:
            fields["kernel"] = self.take(values.check_kernel(table["kernel"]), kernel)
        for key, rule in _OPTIONS.items():
            if key in table:
                fields[key] = self.take(rule(table[key]), (*steps, key))
        if "trust_remote_code" in table:
            below = (*steps, "trust_remote_code")
            fields["trust_remote_code"] = self.trust_remote_code(table["trust_remote_code"], below)
        if len(fields) < len(table) or "kernel" not in fields:
            self._check_keys(table, SPEC_KEYS, {"kernel": MISSING_KERNEL}, unknown_option, steps)
        return fields

    def trust_remote_code(self, value: Any, steps: Steps) -> Any:
        """`bool | [RepoId, ...]`, at least one."""
        if (is_list(value) or is_tuple(value)) and value:
            return tuple(
                self.take(values.check_repo_id(item), (*steps, index))
                for index, item in enumerate(value)
            )
        return self.take(values.check_trust(value), steps)

    def take(self, outcome: Any, steps: Steps) -> Any:
        """What a rule for one value says of it, its problem noted."""
        if type(outcome) is Problem:
            self.problems.note(steps, outcome)
        return outcome

    def _part(self, alternative: Alternative, line: Any, value: Any, steps: Steps) -> Any:
        """The model for a value: one that is there already, or made of what its line says."""
        if declared(value) == alternative:
            return value
        meaning = line(value, steps)
        return None if self.problems else self._build(alternative, meaning)

    def _is_table(self, value: Any, steps: Steps, what: str) -> TypeIs[Mapping[Any, Any]]:
        """Whether a value is a table; if not, it is noted that it is not `what`."""
        if is_table(value):
            return True
        self.problems.note(steps, Problem("invalid-entry", f"{show(value)} is not {what}"))
        return False

    def _is_stated(self, value: Any, steps: Steps, what: str) -> TypeIs[Mapping[Any, Any]]:
        """The same, with at least one key."""
        if not self._is_table(value, steps, what):
            return False
        if not value:
            problem = Problem("empty-entry", f"{what} needs at least one key")
            self.problems.note(steps, problem)
        return bool(value)

    def _refuse(self, value: Any, steps: Steps, holder: Holder) -> None:
        below, problem = misfit(value, holder)
        self.problems.note((*steps, *below), problem)

    def _check_keys(
        self,
        table: Iterable[Any],
        known: Container[Any],
        needed: dict[str, Problem],
        unknown: Callable[[Any], Problem],
        steps: Steps,
    ) -> None:
        """Unknown keys, and those that lack unless an unknown one was meant to be them."""
        stated = {*table}
        for key in table:
            if key not in known:
                problem = unknown(key)
                stated.add(problem.meant)
                self.problems.note((*steps, key), problem)
        for key, problem in needed.items():
            if key not in stated:
                self.problems.note((*steps, key), problem)


def by_rule(rule: Callable[[Any], Any]) -> Line:
    """The line for a single value, of the rule for it."""
    return lambda reader, value, steps: reader.take(rule(value), steps)


_OPTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "version": values.check_version,
    "revision": values.check_revision,
    "lockfile": values.check_lockfile,
}
