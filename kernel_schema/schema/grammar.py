"""The grammar of a config: one function for each line of it, and the only validator.

Each takes a value and the route to it, notes what is wrong, and returns what the value means: of a
table with keys of its own the fields of its model. A string, a list and a table are told apart by
shape alone, tables by their keys: every mistake is found by the line that the value was meant for.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

from pydantic_core import core_schema

from kernel_schema.schema import alternatives, values
from kernel_schema.schema.alternatives import meant_alternative
from kernel_schema.schema.arguments import plain_keys
from kernel_schema.schema.meant import keys as meant_keys
from kernel_schema.schema.problems import Problem, Problems
from kernel_schema.schema.ranges import bounds_problem, device_problems
from kernel_schema.schema.vocabulary import CONFIG_KEYS, ORIGINAL, RANGE_KEYS
from kernel_schema.typeguards import is_list, is_table, is_tuple
from kernel_schema.wording import quote, show

if TYPE_CHECKING:
    from types import ModuleType

    from pydantic import GetCoreSchemaHandler
    from typing_extensions import TypeIs

    from kernel_schema.schema.alternatives import Alternative, Holder
    from kernel_schema.schema.problems import Steps

Fields: TypeAlias = dict[str, Any]
Line: TypeAlias = Callable[["Reader", Any, "Steps"], Any]
K = TypeVar("K")
V_co = TypeVar("V_co", covariant=True)


class FrozenDict(Mapping[K, V_co]):
    """What a table means: an immutable, hashable mapping, equal to any with the same items."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[K, V_co]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: K) -> V_co:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> ItemsView[K, V_co]:
        """As of any mapping; that of `Mapping` looks up every key."""
        return self._items.items()

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        del source, handler  # what a field may hold is said by the field
        return core_schema.is_instance_schema(cls)


class Reader:
    """Reads one value by the grammar, and collects what is wrong with it.

    `build` makes the model for a table inside, of its alternative and what was read of it.
    """

    __slots__ = ("_build", "problems")

    def __init__(self, build: Callable[[Alternative, Any], Any]) -> None:
        self.problems = Problems()
        self._build = build

    def config(self, value: Any, steps: Steps) -> Fields:
        """`$schema? , lockfile? , x-*? , kernel_mapping , inherit_mapping: bool = true`.

        `extends` is of files alone: it is followed before a config is read.
        """
        what = "a config: it must be a table with the key `kernel_mapping`"
        if not self._is_table(value, steps, what):
            return {}
        table = value
        if value.get("kernel_mapping") is None:
            table, first, problem = _config_keys().without_layers(value)
            if problem is not None:
                self.problems.note((*steps, first), problem)
        fields = self._keyed(table, _CONFIG, steps, (*steps, "kernel_mapping"))
        if "$schema" in fields:
            fields["schema_uri"] = fields.pop("$schema")
        return fields

    def layers(self, value: Any, steps: Steps) -> FrozenDict[str, Any]:
        """`{LayerName: LayerEntry}`."""
        if not is_table(value):
            self.problems.note(steps, _forms().misfit_mapping(value))
            return FrozenDict({})
        if not _STRAYS.isdisjoint(value):
            for key, problem in _beside().strays(value):
                self.problems.note((*steps, key), problem)
        return self._entries(value, steps, values.check_layer_name, "layer")

    def device_mapping(self, value: Any, steps: Steps) -> FrozenDict[Any, Any]:
        """`{DeviceType: DeviceEntry}`, at least one key."""
        if not self._is_stated(value, steps, "a table of devices"):
            return FrozenDict({})
        value = plain_keys(value)
        for below, problem in device_problems(value):
            self.problems.note((*steps, *below), problem)
        return self._entries(value, steps, alternatives.check_device, "device")

    def mode_mapping(self, value: Any, steps: Steps) -> FrozenDict[Any, Any]:
        """`{ModeName: KernelRef | KernelSpec}`, at least one key."""
        if not self._is_stated(value, steps, "a table of modes"):
            return FrozenDict({})
        return self._entries(plain_keys(value), steps, alternatives.check_mode, "mode")

    def _entries(
        self, table: Mapping[Any, Any], steps: Steps, check: Check, holder: Holder
    ) -> FrozenDict[Any, Any]:
        entries: dict[Any, Any] = {}
        if None in table.values():
            for key, names, problem in _beside().fallen_out(table, holder):
                self.problems.note((*steps, key), problem)
                table = {name: value for name, value in table.items() if name not in names}
        for key, value in table.items():
            below = (*steps, key)
            name = check(key)
            if type(name) is Problem:
                self.problems.note(below, _forms().wrong_name(name, key, table, steps, holder))
            entries[name] = self.entry(value, below, holder)
        return FrozenDict(entries)

    def entry(self, value: Any, steps: Steps, holder: Holder) -> Any:
        """What stands for a layer, a device or a mode, or beside the bounds of a range.

        A layer: `"original" | KernelRef | KernelSpec | ModeMapping | DeviceMapping`. A device: the
        same with `[CapabilityEntry, ...]` for the last. A mode: `KernelRef | KernelSpec`.
        """
        # Most are strings.
        alternative = "string" if type(value) is str else meant_alternative(value, holder)
        if alternative == "other" and is_table(value):
            value = plain_keys(value)
            alternative = meant_alternative(value, holder)
        if alternative not in alternatives.ENTRIES[holder].takes:
            return self._refuse(value, steps, holder)
        if alternative == "string":
            check = values.check_kernel if holder == "mode" else values.check_entry_string
            return self.take(check(value), steps)
        if alternative == "ranges":
            return tuple(
                self._part("range", item, (*steps, index)) for index, item in enumerate(value)
            )
        return self._part(alternative, value, steps)

    def _refuse(self, value: Any, steps: Steps, holder: Holder) -> None:
        below, problem = _forms().misfit(value, holder, steps)
        self.problems.note((*steps, *below), problem)

    def _part(self, alternative: Alternative, value: Any, steps: Steps) -> Any:
        """The model for a value: one that is there already, or made of what its line says."""
        if alternatives.declared(value) == alternative:
            return value
        meaning = LINES[alternative](self, value, steps)
        return None if self.problems else self._build(alternative, meaning)

    def capability_entry(self, value: Any, steps: Steps) -> Fields:
        """`(KernelSpec | kernel: "original" | ModeMapping) + min_capability? + max_capability?`."""
        if not is_table(value):
            return self._refuse(value, steps, "range") or {}
        table = dict(value)
        fields: Fields = {key: table.pop(key) for key in RANGE_KEYS if key in table}
        if problem := bounds_problem(value):
            self.problems.note((*steps, "min_capability"), problem)
        if fields and not table:
            self.problems.note(steps, meant_keys.BOUNDS_ALONE)
        for key, bound in fields.items():
            fields[key] = self.take(values.check_capability(bound, key, value), (*steps, key))
        entry = ORIGINAL if table == {"kernel": ORIGINAL} else table
        if entry is table and table.get("kernel") == ORIGINAL:
            self.problems.note((*steps, "kernel"), values.original_with_options(value))
        kept, since = {key: value[key] for key in fields}, len(self.problems)
        fields["entry"] = self.range_entry(entry, steps)
        if len(self.problems) > since:
            self.problems.keep(steps, kept, since)
        return fields

    def range_entry(self, value: Any, steps: Steps) -> Any:
        """What stands beside the bounds of a range: `"original" | KernelSpec | ModeMapping`."""
        stated = isinstance(value, str) and value == ORIGINAL
        return ORIGINAL if stated else self.entry(value, steps, "range")

    def kernel_spec(self, value: Any, steps: Steps) -> Fields:
        """`kernel: KernelRef , (version | revision | lockfile)? , trust_remote_code`.

        Or transformers' tuple, `(KernelRef, {option: value})`.
        """
        if not is_tuple(value):
            if not self._is_table(value, steps, "a kernel with options"):
                return {}
            return self._options(value, steps, (*steps, "kernel"))
        if len(value) == 2 and is_table(options := value[1]) and "kernel" not in options:
            return self._options({"kernel": value[0], **options}, (*steps, 1), (*steps, 0))
        message = f"{quote(value)} cannot stand here: a tuple is a kernel and a dict of its options"
        self.problems.note(steps, Problem("invalid-entry", message))
        return {}

    def _options(self, table: Mapping[Any, Any], steps: Steps, kernel: Steps) -> Fields:
        if len(table) > 1:
            for key, problem in values.option_problems(table):
                self.problems.note((*steps, key), problem)
        return self._keyed(table, _SPEC, steps, kernel)

    def kernel_ref(self, value: Any, steps: Steps) -> Any:
        """`KernelRef`."""
        return self.take(values.check_stated_kernel(value), steps)

    def trust_remote_code(self, value: Any, steps: Steps) -> Any:
        """`bool | [RepoId, ...]`, at least one."""
        if (is_list(value) or is_tuple(value)) and value:
            return tuple(
                self.take(values.check_repo_id(item), (*steps, index))
                for index, item in enumerate(value)
            )
        return self.take(values.check_trust(value), steps)

    def take(self, outcome: Any, steps: Steps) -> Any:
        """What a check of one value says of it, its problem noted."""
        if type(outcome) is Problem:
            self.problems.note(steps, outcome)
        return outcome

    def _keyed(self, table: Mapping[Any, Any], keys: _Keys, steps: Steps, needed: Steps) -> Fields:
        """A table with keys of its own; the value of the needed one stands at `needed`."""
        fields: Fields = {}
        for key, line in keys.lines.items():
            if key in table:
                at = needed if key == keys.needed else (*steps, key)
                fields[key] = line(self, table[key], at)
        if len(fields) < len(table) or keys.needed not in fields:
            stated = {*table}
            for key in table:
                if key not in keys.lines:
                    problem = keys.unknown(key, table, steps)
                    if problem is not None:
                        stated.add(problem.meant)
                        self.problems.note((*steps, key), problem)
            # Missing, unless an unknown one was meant to be it.
            if keys.needed not in stated:
                self.problems.note((*steps, keys.needed), keys.missing)
        return fields

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
            self.problems.note(steps, Problem("empty-entry", f"{what} needs at least one key"))
        return bool(value)


def _forms() -> ModuleType:
    # Imported here: a good config needs none of it.
    from kernel_schema.schema.meant import forms

    return forms


def _config_keys() -> ModuleType:
    from kernel_schema.schema.meant import config_keys

    return config_keys


def _beside() -> ModuleType:
    from kernel_schema.schema.meant import beside

    return beside


def _unknown_config_key(key: Any, table: Mapping[Any, Any], steps: Steps) -> Problem | None:
    return _config_keys().unknown_config_key(key, table, steps)


Check: TypeAlias = Callable[[Any], Any]


def single(check: Check) -> Line:
    """The line for a single value, of the check of it."""
    return lambda reader, value, steps: reader.take(check(value), steps)


class _Keys(NamedTuple):
    """The keys of a table, with the lines for their values."""

    lines: dict[str, Line]
    needed: str
    missing: Problem
    unknown: Callable[[Any, Mapping[Any, Any], Steps], Problem | None]


# What stands among layers now and then, and is none.
_STRAYS: Final = frozenset((*CONFIG_KEYS, "comment", "_comment", "_comments", "_note", "//", "#"))
CONFIG_LINES: Final[dict[str, Line]] = {
    "$schema": single(values.check_schema_uri),
    "lockfile": single(values.check_lockfile),
    "kernel_mapping": Reader.layers,
    "inherit_mapping": single(values.check_inherit_mapping),
}
SPEC_LINES: Final[dict[str, Line]] = {
    "kernel": Reader.kernel_ref,
    "version": single(values.check_version),
    "revision": single(values.check_revision),
    "lockfile": single(values.check_lockfile),
    "trust_remote_code": Reader.trust_remote_code,
}
_CONFIG: Final = _Keys(
    CONFIG_LINES, "kernel_mapping", meant_keys.MISSING_MAPPING, _unknown_config_key
)
_SPEC: Final = _Keys(SPEC_LINES, "kernel", meant_keys.MISSING_KERNEL, meant_keys.unknown_option)
LINES: Final[dict[Alternative, Line]] = {
    "config": Reader.config,
    "kernel": Reader.kernel_spec,
    "modes": Reader.mode_mapping,
    "devices": Reader.device_mapping,
    "range": Reader.capability_entry,
}
