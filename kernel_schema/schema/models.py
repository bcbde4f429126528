"""A config and its parts: one frozen pydantic model for each table of the format.

Every class takes what a file may hold, and what Python users have at hand: enum members as keys,
parsed references, models of this module, and transformers' `(reference, {"version": 1})` tuple.
What is right is said by the grammar alone: a model holds what that has read.
"""

from __future__ import annotations

import sys
from itertools import filterfalse
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias, cast

from pydantic import Field, model_serializer

from kernel_schema.schema.alternatives import Alternative
from kernel_schema.schema.grammar import (
    CONFIG_LINES,
    SPEC_LINES,
    Fields,
    FrozenDict,
    Reader,
    single,
)
from kernel_schema.schema.parts import (
    KeyedPart,
    TablePart,
    plain,
    read,
    read_all,
    read_by,
    typed_init,
)
from kernel_schema.schema.ranges import Capabilities
from kernel_schema.schema.references import HubRef, LocalRef
from kernel_schema.schema.values import check_capability
from kernel_schema.schema.vocabulary import (
    ORIGINAL,
    RANGE_KEYS,
    SPEC_KEYS,
    DeviceType,
    ModeName,
    Original,
    is_free,
)

if TYPE_CHECKING:
    import os

    from typing_extensions import Unpack

    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.lowering.lower import KernelsMapping
    from kernel_schema.model.types import Module
    from kernel_schema.schema.input_types import (
        CapabilityEntryDict,
        DeviceMappingInput,
        KernelMappingInput,
        KernelSpecDict,
        ModeMappingInput,
        SchemaUriDict,
    )

KernelRef = Annotated[HubRef | LocalRef, read_by(SPEC_LINES["kernel"])]
"""A kernel on the Hub or on disk."""


class KernelSpec(KeyedPart, frozen=True):
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

    grammar_alternative: ClassVar[Alternative] = "kernel"

    kernel: KernelRef
    version: Annotated[int | None, read_by(SPEC_LINES["version"])] = None
    revision: Annotated[str | None, read_by(SPEC_LINES["revision"])] = None
    lockfile: Annotated[str | None, read_by(SPEC_LINES["lockfile"])] = None
    trust_remote_code: Annotated[bool | tuple[str, ...], read_by(Reader.trust_remote_code)] = False

    @typed_init
    def __init__(self, **data: Unpack[KernelSpecDict]) -> None:
        super().__init__(**cast("Any", data))

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        return {key: plain(getattr(self, key)) for key in SPEC_KEYS if key in self.model_fields_set}


class ModeMapping(TablePart[ModeName, HubRef | LocalRef | KernelSpec], frozen=True):
    """Kernels by mode. `fallback` stands for every mode that is not named.

    Args:
        root: For each mode a kernel, or one with options; at least one.

    Raises:
        pydantic.ValidationError: With our codes as error types.

    >>> modes = ModeMapping({"inference": "org/repo:Infer", "fallback": "org/repo:Other"})
    >>> str(modes[ModeName.INFERENCE])
    'org/repo:Infer'
    """

    grammar_alternative: ClassVar[Alternative] = "modes"

    root: Annotated[
        FrozenDict[ModeName, HubRef | LocalRef | KernelSpec], read_by(Reader.mode_mapping)
    ]

    @typed_init
    def __init__(self, root: ModeMappingInput) -> None:
        super().__init__(cast("Any", root))


class CapabilityEntry(KeyedPart, frozen=True):
    """What runs on one range of compute capabilities of a device.

    In a file the bounds stand beside `kernel` and its options, or beside modes.

    Args:
        min_capability: Lowest capability, included; 90 means 9.0. None bounds nothing.
        max_capability: Highest capability, included. None bounds nothing.
        entry: The kernel with options, the kernels by mode, or `original`.

    Raises:
        pydantic.ValidationError: With our codes as error types.

    >>> entry = CapabilityEntry(min_capability=90, kernel="org/hopper:Layer")
    >>> print(entry.capabilities, entry.model_dump())
    capability 90 and above {'min_capability': 90, 'kernel': 'org/hopper:Layer'}
    """

    grammar_alternative: ClassVar[Alternative] = "range"

    min_capability: Annotated[int | None, read_by(single(check_capability))] = None
    max_capability: Annotated[int | None, read_by(single(check_capability))] = None
    entry: Annotated[Original | KernelSpec | ModeMapping, read_by(Reader.range_entry)]

    @typed_init
    def __init__(self, **data: Unpack[CapabilityEntryDict]) -> None:
        super().__init__(**cast("Any", data))

    @property
    def capabilities(self) -> Capabilities:
        """The range, with kernels' bounds where none is stated."""
        lowest = 0 if self.min_capability is None else self.min_capability
        highest = sys.maxsize if self.max_capability is None else self.max_capability
        return Capabilities(lowest, highest)

    @classmethod
    def _written(cls, fields: Fields) -> Any:
        bounds = {key: fields[key] for key in RANGE_KEYS if fields.get(key) is not None}
        return bounds | _beside_bounds(read(Reader.range_entry, fields["entry"], cls.__name__))

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        bounds = {key: getattr(self, key) for key in RANGE_KEYS if key in self.model_fields_set}
        return bounds | _beside_bounds(self.entry)


def _beside_bounds(entry: Original | KernelSpec | ModeMapping) -> dict[str, Any]:
    return {"kernel": ORIGINAL} if entry == ORIGINAL else plain(entry)


_DeviceEntry: TypeAlias = (
    HubRef | LocalRef | Original | KernelSpec | ModeMapping | tuple[CapabilityEntry, ...]
)


class DeviceMapping(TablePart[DeviceType, _DeviceEntry], frozen=True):
    """What runs on each device.

    Args:
        root: For each device a kernel, one with options, `original`, kernels by mode or, under cuda
            and rocm, a list of capability ranges; at least one device.

    Raises:
        pydantic.ValidationError: With our codes as error types.

    >>> devices = DeviceMapping({"cuda": "org/repo:Fast", "cpu": "original"})
    >>> devices[DeviceType.CPU]
    'original'
    """

    grammar_alternative: ClassVar[Alternative] = "devices"

    root: Annotated[FrozenDict[DeviceType, _DeviceEntry], read_by(Reader.device_mapping)]

    @typed_init
    def __init__(self, root: DeviceMappingInput) -> None:
        super().__init__(cast("Any", root))


LayerEntry = Annotated[
    HubRef | LocalRef | Original | KernelSpec | ModeMapping | DeviceMapping,
    read_by(lambda reader, value, steps: reader.entry(value, steps, "layer")),
]
"""What may stand for a layer."""


class KernelConfig(KeyedPart, frozen=True):
    """Which kernel runs for which layer of a model.

    Args:
        kernel_mapping: What runs for each layer, by the name under which models register it.
        inherit_mapping: Whether layers and devices that are not named keep the kernels of the
            mapping that is active in the kernels library (default True).
        lockfile: Path of the lock that pins every kernel to a commit and its bytes, as `lock` makes
            it; None for none.

    `$schema` may be given as a keyword, and what begins with `x-`, which files are free to hold and
    no config keeps.

    Raises:
        pydantic.ValidationError: A `ValueError` that holds every mistake, each with our code as its
            type. `ConfigError.from_validation_error` turns it into diagnostics.
        TypeError: For any other keyword.

    >>> config = KernelConfig({"RMSNorm": "kernels-community/layer_norm:LlamaRMSNorm"})
    >>> config.kernel_mapping["RMSNorm"].layer_name
    'LlamaRMSNorm'
    >>> config.model_dump()
    {'kernel_mapping': {'RMSNorm': 'kernels-community/layer_norm:LlamaRMSNorm'}}
    """

    grammar_alternative: ClassVar[Alternative] = "config"

    schema_uri: Annotated[str | None, read_by(CONFIG_LINES["$schema"])] = Field(
        default=None, alias="$schema"
    )
    lockfile: Annotated[str | None, read_by(CONFIG_LINES["lockfile"])] = None
    kernel_mapping: Annotated[FrozenDict[str, LayerEntry], read_by(CONFIG_LINES["kernel_mapping"])]
    inherit_mapping: Annotated[bool, read_by(CONFIG_LINES["inherit_mapping"])] = True

    @typed_init
    def __init__(
        self,
        kernel_mapping: KernelMappingInput = MappingProxyType({}),
        *,
        inherit_mapping: bool = True,
        lockfile: str | os.PathLike[str] | None = None,
        **schema: Unpack[SchemaUriDict],
    ) -> None:
        for name in filterfalse(is_free, schema.keys() - {"$schema"}):
            message = f"KernelConfig.__init__() got an unexpected keyword argument {name!r}"
            raise TypeError(message)
        data: dict[str, Any] = {"kernel_mapping": kernel_mapping, **schema}
        if data.get("$schema", "") is None:  # the field's own default, which tyro and others pass
            del data["$schema"]
        if inherit_mapping is not True:
            data["inherit_mapping"] = inherit_mapping
        if lockfile is not None:
            data["lockfile"] = lockfile
        super().__init__(**data)

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        dumped: dict[str, Any] = {} if self.schema_uri is None else {"$schema": self.schema_uri}
        if self.lockfile is not None:
            dumped["lockfile"] = self.lockfile
        dumped["kernel_mapping"] = plain(self.kernel_mapping)
        if "inherit_mapping" in self.model_fields_set:
            dumped["inherit_mapping"] = self.inherit_mapping
        return dumped

    def digest(self) -> str:
        """A hash of what this config means: sugar, order and the lock make no difference.

        Returns:
            `sha256:` and 64 hexadecimal digits, the same on every machine and Python version.
        """
        from kernel_schema.schema.rules import digest

        return digest(self)

    def sanitize_kernel_mapping(self, model: Module) -> None:
        """Check that this config fits `model`, as the method of transformers' `KernelConfig` does.

        Args:
            model: A `torch.nn.Module`.

        Raises:
            ModelCheckError: A `ValueError` with every problem, not only the first.
        """
        # The two methods that users of transformers expect here are the only calls upwards.
        from kernel_schema.lowering.check import sanitize

        sanitize(self, model)

    def create_compatible_mapping(self, model: Module, compile: bool = False) -> KernelsMapping:  # noqa: FBT001, FBT002 (transformers' signature)
        """The nested `{layer: {device: {Mode: repository}}}` mapping of the kernels library.

        Args:
            model: A `torch.nn.Module`. Gives the device of plain entries, from its parameters, and
                the Mode of entries without one, from its training state.
            compile: Add `Mode.TORCH_COMPILE`.

        Returns:
            A new mapping with every device that the config names. The config stays as it is.

        Raises:
            LoweringError: If the device is needed and cannot be told from the model.
        """
        from kernel_schema.lowering.lower import create_compatible_mapping

        return create_compatible_mapping(self, model, compile=compile)


def read_config(value: object) -> KernelConfig | list[Diagnostic]:
    """The config that a file states, or every mistake in it, without a detour by pydantic's errors.

    >>> [problem.code for problem in read_config({"kernel_mapping": {"A": "org/repo"}})]
    ['invalid-kernel-reference']
    """
    fields, problems = read_all(Reader.config, value)
    return problems.diagnostics() or KernelConfig.of_read(fields)
