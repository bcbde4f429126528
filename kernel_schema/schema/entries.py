"""What may stand for a layer: one frozen pydantic model for each table of the format.

Every class takes what a file may hold, and what Python users have at hand: enum members as keys,
parsed references, models of this module, and transformers' `(reference, {"version": 1})` tuple.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar, cast

from pydantic import (
    BaseModel,
    Discriminator,
    PlainValidator,
    RootModel,
    Tag,
    ValidationError,
    WrapValidator,
    model_serializer,
    model_validator,
)
from typing_extensions import Never

from kernel_schema.limits import MAX_PROBLEMS
from kernel_schema.schema import values
from kernel_schema.schema.capability import Capabilities
from kernel_schema.schema.conflicts import (
    device_conflicts,
    range_conflicts,
    spec_conflicts,
)
from kernel_schema.schema.frozen import FrozenDict
from kernel_schema.schema.kinds import is_table, is_tuple
from kernel_schema.schema.models import (
    BUILD_LATER,
    WrittenInFiles,
    finish,
    plain,
    plain_dict,
    ranges_one_by_one,
    typed_init,
    without_surplus,
)
from kernel_schema.schema.natives import spec_key
from kernel_schema.schema.places import into_tuple, same, without_branch, without_entry
from kernel_schema.schema.problems import details, located, problem
from kernel_schema.schema.references import HubRef, LocalRef
from kernel_schema.schema.shapes import Place, Shape, meant_shape, refuse_other
from kernel_schema.schema.vocabulary import (
    ORIGINAL,
    RANGE_KEYS,
    SPEC_KEYS,
    DeviceType,
    ModeName,
    Original,
)
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from pydantic import ModelWrapValidatorHandler
    from pydantic_core import InitErrorDetails
    from typing_extensions import Self, Unpack

    from kernel_schema.schema.inputs import (
        CapabilityEntryDict,
        DeviceMappingInput,
        KernelSpecDict,
        ModeMappingInput,
    )

KernelRef = Annotated[HubRef | LocalRef, PlainValidator(values.check_kernel)]
"""A kernel on the Hub or on disk."""

_EntryString = Annotated[HubRef | LocalRef | Original, PlainValidator(values.check_entry_string)]
_DeviceKey = Annotated[DeviceType, PlainValidator(values.check_device)]
_ModeKey = Annotated[ModeName, PlainValidator(values.check_mode)]
_Capability = Annotated[int | None, PlainValidator(values.check_capability)]


class KernelSpec(WrittenInFiles, BaseModel, frozen=True, extra="forbid", defer_build=BUILD_LATER):
    """A kernel with options.

    Args:
        kernel: Reference of the kernel.
        version: Kernel version. Without any of `@...`, `version`, `revision` and `lockfile`,
            version 1 is meant, as transformers does.
        revision: Git branch, tag or commit.
        lockfile: Path of a lock file of the kernels library that pins the repository.
        trust_remote_code: Whether to run code of publishers that the Hub does not vouch for
            (default False), or the repository ids for which to do so.

    Raises:
        pydantic.ValidationError: With our codes as error types.

    >>> KernelSpec(kernel="org/repo:Layer", version=2).kernel.repo_id
    'org/repo'
    """

    grammar_shape: ClassVar[Shape] = "kernel"

    kernel: KernelRef
    version: Annotated[int | None, PlainValidator(values.check_version)] = None
    revision: Annotated[str | None, PlainValidator(values.check_revision)] = None
    lockfile: Annotated[str | None, PlainValidator(values.check_lockfile)] = None
    trust_remote_code: Annotated[
        bool | tuple[str, ...],
        PlainValidator(values.check_trust_remote_code),
    ] = False

    @typed_init
    def __init__(self, **data: Unpack[KernelSpecDict]) -> None:
        super().__init__(**data)

    @model_validator(mode="wrap")
    @classmethod
    def _validate(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return value
        if is_tuple(value):
            table, move = _from_tuple(value), into_tuple
        else:
            table, move = plain_dict(value, "a kernel with options"), same
        errors = spec_conflicts(table, move)
        model = None
        try:
            model = handler(without_surplus(table, SPEC_KEYS))
        except ValidationError as error:
            errors += details(error, move, spec_key)
        return finish(cls.__name__, model, errors)

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        return {key: plain(getattr(self, key)) for key in SPEC_KEYS if key in self.model_fields_set}


def _refusing(place: Place) -> PlainValidator:
    """For the branch of values of no allowed shape: raises the one error that says so."""

    def refuse(value: Any) -> Any:
        refuse_other(value, place)

    return PlainValidator(refuse)


def _by_shape(place: Place, *allowed: Shape) -> Discriminator:
    def branch(value: Any) -> Shape:
        found = meant_shape(value, place)
        return found if found in allowed else "other"

    return Discriminator(branch)


_K = TypeVar("_K")
_V = TypeVar("_V")


class _Table(
    WrittenInFiles,
    RootModel[FrozenDict[_K, _V]],
    Mapping[_K, _V],
    frozen=True,
    defer_build=BUILD_LATER,
):
    """What device tables and mode tables share: a frozen mapping that is a pydantic model."""

    _what: ClassVar[str]

    @model_validator(mode="wrap")
    @classmethod
    def _validate(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return value
        table = plain_dict(value, cls._what)
        if not table:
            raise problem("empty-entry", f"{cls._what} needs at least one key")
        errors = cls._conflicts(table)
        model = None
        try:
            model = handler(table)
        except ValidationError as error:
            errors += details(error, without_branch, spec_key)
        return finish(cls.__name__, model, errors)

    @classmethod
    def _conflicts(cls, table: dict[Any, Any]) -> list[InitErrorDetails]:
        """What the entries of a table have against each other."""
        del table  # only some tables have something to ask of it
        return []

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        return plain(self.root)

    def __getitem__(self, key: _K) -> _V:
        return self.root[key]

    def __iter__(self) -> Iterator[_K]:  # pyright: ignore[reportIncompatibleMethodOverride] (a mapping iterates over its keys)
        return iter(self.root)

    def __len__(self) -> int:
        return len(self.root)

    def __hash__(self) -> int:
        return hash(self.root)


_ModeEntry = Annotated[
    Annotated[KernelRef, Tag("string")]
    | Annotated[KernelSpec, Tag("kernel")]
    | Annotated[Never, _refusing("mode"), Tag("other")],
    _by_shape("mode", "string", "kernel"),
]


class ModeMapping(_Table[_ModeKey, _ModeEntry], frozen=True):
    """Kernels by mode. `fallback` stands for every mode that is not named.

    >>> modes = ModeMapping({"inference": "org/repo:Infer", "fallback": "org/repo:Other"})
    >>> str(modes[ModeName.INFERENCE])
    'org/repo:Infer'
    """

    grammar_shape: ClassVar[Shape] = "modes"
    _what: ClassVar[str] = "a table of modes"

    @typed_init
    def __init__(self, root: ModeMappingInput) -> None:
        super().__init__(cast("Any", root))


_RangeEntry = Annotated[
    Annotated[Original, PlainValidator(values.check_original), Tag("string")]
    | Annotated[KernelSpec, Tag("kernel")]
    | Annotated[ModeMapping, Tag("modes")]
    | Annotated[Never, _refusing("range"), Tag("other")],
    _by_shape("range", "string", "kernel", "modes"),
]


class CapabilityEntry(
    WrittenInFiles, BaseModel, frozen=True, extra="forbid", defer_build=BUILD_LATER
):
    """What runs on one range of compute capabilities of a device.

    In a file the bounds stand beside `kernel` and its options, or beside modes.

    Args:
        min_capability: Lowest capability, included; 90 means 9.0. None bounds nothing.
        max_capability: Highest capability, included. None bounds nothing.
        entry: The kernel with options, the kernels by mode, or `original`.

    >>> entry = CapabilityEntry(min_capability=90, kernel="org/hopper:Layer")
    >>> print(entry.capabilities, entry.model_dump())
    capability 90 and above {'min_capability': 90, 'kernel': 'org/hopper:Layer'}
    """

    grammar_shape: ClassVar[Shape] = "range"

    min_capability: _Capability = None
    max_capability: _Capability = None
    entry: _RangeEntry

    @typed_init
    def __init__(self, **data: Unpack[CapabilityEntryDict]) -> None:
        super().__init__(**data)

    @property
    def capabilities(self) -> Capabilities:
        """The range, with kernels' bounds where none is stated."""
        lowest = 0 if self.min_capability is None else self.min_capability
        highest = sys.maxsize if self.max_capability is None else self.max_capability
        return Capabilities(lowest, highest)

    @model_validator(mode="wrap")
    @classmethod
    def _validate(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return value
        if not is_table(value):
            refuse_other(value, "range")
        table = plain_dict(value, "a capability range")
        bounds = {key: table.pop(key) for key in RANGE_KEYS if key in table}
        original = table == {"kernel": ORIGINAL}
        errors = range_conflicts(bounds)
        if bounds and not table:
            lacking = problem(
                "missing-key",
                "a capability range needs the key `kernel`, or modes, beside its bounds",
                "add `kernel: org/repo:layer_name`",
            )
            errors.append(located((), lacking, value))
        model = None
        try:
            model = handler({**bounds, "entry": ORIGINAL if original else table})
        except ValidationError as error:
            errors += details(error, without_entry, spec_key)
        return finish(cls.__name__, model, errors)

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        bounds = {key: getattr(self, key) for key in RANGE_KEYS if key in self.model_fields_set}
        entry = {"kernel": ORIGINAL} if self.entry == ORIGINAL else plain(self.entry)
        return bounds | entry


_DeviceEntry = Annotated[
    Annotated[_EntryString, Tag("string")]
    | Annotated[KernelSpec, Tag("kernel")]
    | Annotated[ModeMapping, Tag("modes")]
    | Annotated[tuple[CapabilityEntry, ...], WrapValidator(ranges_one_by_one), Tag("ranges")]
    | Annotated[Never, _refusing("device"), Tag("other")],
    _by_shape("device", "string", "kernel", "modes", "ranges"),
]


class DeviceMapping(_Table[_DeviceKey, _DeviceEntry], frozen=True):
    """What runs on each device.

    >>> devices = DeviceMapping({"cuda": "org/repo:Fast", "cpu": "original"})
    >>> devices[DeviceType.CPU]
    'original'
    """

    grammar_shape: ClassVar[Shape] = "devices"
    _what: ClassVar[str] = "a table of devices"

    @typed_init
    def __init__(self, root: DeviceMappingInput) -> None:
        super().__init__(cast("Any", root))

    @classmethod
    def _conflicts(cls, table: dict[Any, Any]) -> list[InitErrorDetails]:
        return list(islice(device_conflicts(table), MAX_PROBLEMS + 1))


LayerEntry = Annotated[
    Annotated[_EntryString, Tag("string")]
    | Annotated[KernelSpec, Tag("kernel")]
    | Annotated[ModeMapping, Tag("modes")]
    | Annotated[DeviceMapping, Tag("devices")]
    | Annotated[Never, _refusing("layer"), Tag("other")],
    _by_shape("layer", "string", "kernel", "modes", "devices"),
]
"""What may stand for a layer."""


def _from_tuple(value: tuple[Any, ...]) -> dict[str, Any]:
    """Read transformers' `(reference, options)` as a table."""
    if len(value) == 2 and isinstance(value[1], Mapping) and "kernel" not in value[1]:
        return {"kernel": value[0], **value[1]}
    raise problem(
        "invalid-entry",
        f"{quote(value)} cannot stand here: a tuple is a kernel and a dict of its options",
    )
