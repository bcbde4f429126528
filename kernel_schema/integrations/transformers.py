"""What transformers has: its default table of kernels, and a `KernelConfig` to put for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel_schema.checks.environment import registration_disabled
from kernel_schema.diagnostics import Diagnostic, LoweringError, lowering_error
from kernel_schema.lowering.inherited import place_of, rules_of
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    # For type checkers; at run time `__getattr__` has it.
    from kernel_schema.integrations.kernel_config import KernelConfig
    from kernel_schema.schema.rules import Rule

__all__ = ["KernelConfig", "default_rules", "missing_transformers", "table_rules"]

_INSTALL: Final = "pip install 'kernel-schema[transformers]'"


def __getattr__(name: str) -> Any:
    if name == "KernelConfig":  # derived from that of transformers, which is imported with it
        from kernel_schema.integrations.kernel_config import KernelConfig

        return KernelConfig
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def default_rules() -> tuple[Rule, ...]:
    """The table that transformers registers for a model that is loaded with `use_kernels`."""
    try:
        from transformers.integrations import hub_kernels
    except ImportError as error:
        raise missing_transformers(error) from error
    build: Any = getattr(hub_kernels, "get_kernel_mapping_transformers", None)
    if build is None:
        cause = registration_disabled() or Diagnostic(
            "missing-dependency",
            f"this transformers has no {quote('get_kernel_mapping_transformers')}",
            help=_INSTALL,
        )
        raise LoweringError([cause])
    return tuple(table_rules(build()))


def missing_transformers(error: ImportError) -> LoweringError:
    """The error where transformers cannot be imported: `missing-dependency`."""
    message = f"this needs transformers, which cannot be imported: {error}"
    return lowering_error("missing-dependency", message, _INSTALL)


def table_rules(table: dict[str, dict[Any, Any]]) -> Iterator[Rule]:
    """A table of transformers, which holds objects of kernels, as rules that are inherited."""
    for layer_name, devices in table.items():
        for key, repositories in devices.items():
            device, bounds = place_of(key)
            yield from rules_of(layer_name, device, bounds, repositories)
