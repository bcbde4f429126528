"""The config itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import (
    BaseModel,
    Field,
    PlainValidator,
    ValidationError,
    model_serializer,
    model_validator,
)

from kernel_schema.schema import values
from kernel_schema.schema.entries import LayerEntry
from kernel_schema.schema.frozen import FrozenDict
from kernel_schema.schema.kinds import is_table
from kernel_schema.schema.models import (
    WrittenInFiles,
    plain,
    plain_dict,
    typed_init,
    without_surplus,
)
from kernel_schema.schema.natives import config_key, is_config_key
from kernel_schema.schema.problems import details, fail, fail_at_most, located, problem
from kernel_schema.schema.vocabulary import CONFIG_KEYS
from kernel_schema.wording import listing, show

if TYPE_CHECKING:
    from pydantic import ModelWrapValidatorHandler
    from pydantic_core import InitErrorDetails
    from typing_extensions import Self

    from kernel_schema.lowering.lower import KernelsMapping
    from kernel_schema.model.types import Module
    from kernel_schema.schema.inputs import KernelMappingInput
    from kernel_schema.schema.problems import Loc

_LayerName = Annotated[str, PlainValidator(values.check_layer_name)]


class KernelConfig(WrittenInFiles, BaseModel, frozen=True, extra="forbid"):
    """Which kernel runs for which layer of a model.

    Args:
        kernel_mapping: What runs for each layer, by the name under which models register it.
        inherit_mapping: Whether layers and devices that are not named keep the kernels of the
            mapping that is active in the kernels library (default True).

    Raises:
        pydantic.ValidationError: A `ValueError` that holds every mistake, each with our code as its
            type. `ConfigError.from_validation_error` turns it into diagnostics.

    >>> config = KernelConfig({"RMSNorm": "kernels-community/layer_norm:LlamaRMSNorm"})
    >>> config.kernel_mapping["RMSNorm"].layer_name
    'LlamaRMSNorm'
    >>> config.model_dump()
    {'kernel_mapping': {'RMSNorm': 'kernels-community/layer_norm:LlamaRMSNorm'}}
    """

    schema_uri: Annotated[str | None, PlainValidator(values.check_schema_uri)] = Field(
        default=None, alias="$schema"
    )
    kernel_mapping: FrozenDict[_LayerName, LayerEntry]
    inherit_mapping: Annotated[bool, PlainValidator(values.check_inherit_mapping)] = True

    @typed_init
    def __init__(
        self,
        kernel_mapping: KernelMappingInput = MappingProxyType({}),
        *,
        inherit_mapping: bool = True,
    ) -> None:
        data: dict[str, Any] = {"kernel_mapping": kernel_mapping}
        if inherit_mapping is not True:
            data["inherit_mapping"] = inherit_mapping
        super().__init__(**data)

    @model_validator(mode="wrap")
    @classmethod
    def _validate(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return value
        table = plain_dict(value, "a config: it must be a table with the key `kernel_mapping`")
        return cls._validate_table(table, handler)

    @classmethod
    def _validate_table(
        cls, table: dict[Any, Any], handler: ModelWrapValidatorHandler[Self]
    ) -> Self:
        errors: list[InitErrorDetails] = []
        tool = table.get("tool")
        if "kernel_mapping" not in table and is_table(tool) and "kernel-schema" in tool:
            error = problem(
                "missing-key",
                "a config needs the key `kernel_mapping`",
                "only a pyproject.toml has `tool.kernel-schema` before it",
                at_key=True,
            )
            raise fail(cls.__name__, [located(("tool",), error, tool)])
        layers = table.get("kernel_mapping")
        if is_table(layers) and isinstance(layers.get("inherit_mapping"), bool):
            error = problem(
                "unknown-key",
                "`inherit_mapping` is no layer, but a key of the config",
                "move it up, beside `kernel_mapping`",
                at_key=True,
            )
            place = ("kernel_mapping", "inherit_mapping")
            errors.append(located(place, error, layers["inherit_mapping"]))
        if "kernel_mapping" not in table and (strays := _stray_layers(table)):
            error = problem(
                "missing-key",
                "a config needs the key `kernel_mapping`",
                f"put {listing(strays[:_SHOWN_STRAYS], 'and')}"
                f"{' and the others' if len(strays) > _SHOWN_STRAYS else ''} under it",
                at_key=True,
            )
            errors.append(located((strays[0],), error, table[strays[0]]))
            for key in strays:
                del table[key]
            table["kernel_mapping"] = {}
        if "kernel_mapping" in table and not isinstance(table["kernel_mapping"], Mapping):
            wrong = table.pop("kernel_mapping")
            error = problem(
                "invalid-kernel-mapping",
                f"{show(wrong)} is not a table of layers for `kernel_mapping`",
                "write `kernel_mapping: {}` for a config without layers" if not wrong else None,
            )
            errors.append(located(("kernel_mapping",), error, wrong))
        model = None
        try:
            model = handler(without_surplus(table, CONFIG_KEYS))
        except ValidationError as error:
            errors += details(error, _without_layer_branch, config_key)
        if errors or model is None:
            raise fail_at_most(cls.__name__, errors)
        return model

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        dumped: dict[str, Any] = {} if self.schema_uri is None else {"$schema": self.schema_uri}
        dumped["kernel_mapping"] = plain(self.kernel_mapping)
        if "inherit_mapping" in self.model_fields_set:
            dumped["inherit_mapping"] = self.inherit_mapping
        return dumped

    def digest(self) -> str:
        """A hash of what this config means: sugar and order make no difference.

        Returns:
            `sha256:` and 64 hexadecimal digits, the same on every machine and Python version.
        """
        from kernel_schema.schema.meaning import digest

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


def _stray_layers(table: dict[Any, Any]) -> list[str]:
    """What looks like layers at the top level, where `kernel_mapping` should be."""
    return [
        key
        for key, value in table.items()
        if isinstance(key, str) and isinstance(value, (str, Mapping)) and not is_config_key(key)
    ]


_SHOWN_STRAYS: Final = 3


def _without_layer_branch(loc: Loc) -> Loc:
    """From ('kernel_mapping', layer, branch or '[key]', ...) to ('kernel_mapping', layer, ...)."""
    return (*loc[:2], *loc[3:]) if loc[0] == "kernel_mapping" else loc
