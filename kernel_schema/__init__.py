"""A typed, validated schema for running the layers of a model on custom kernels.

The flow, from a file to a model that runs kernels::

    text -> Document -> KernelConfig -> rules -+-> diagnostics     (check)
                                               +-> kernels mapping (lower) -> model and report

Words:
    kernel: A layer of a kernel repository on the Hugging Face Hub or on disk, written
        `org/repo:layer_name` or `path:layer_name`.
    layer name: The name under which a model registers a layer, `kernel_layer_name` of its class.
    device: `cpu`, `cuda`, `mps`, `neuron`, `npu`, `rocm`, `tpu` or `xpu`.
    mode: How a model runs, as `kernels.Mode` has it. `fallback` means "any mode that is not named".
    capability: Compute capability of a GPU; 90 means 9.0.
    original: The model's own forward, kept on purpose.
    lower: Turn a config into the mapping of the kernels library.
    kernelize: Put kernels in place of the forwards of a model, as `kernels.kernelize` does.

Importing this package imports neither torch nor kernels.
"""

from __future__ import annotations

from importlib import import_module

# typing takes longer to import than all else that `kernel-schema --version` needs of us.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from kernel_schema.choice.choose import select
    from kernel_schema.choice.plan import (
        Candidate,
        LayerPlan,
        Plan,
        Standing,
        Status,
        disagreements,
    )
    from kernel_schema.choice.report import Kept, KernelInUse, LayerReport, Report
    from kernel_schema.diagnostics import (
        ConfigError,
        Diagnostic,
        KernelNotAppliedError,
        KernelSchemaError,
        LoweringError,
        ModelCheckError,
        Route,
        Severity,
        Span,
    )
    from kernel_schema.files.document import Document
    from kernel_schema.files.read import FileAccessError, load, loads, loads_document, read
    from kernel_schema.files.write import dump, dumps
    from kernel_schema.json_schemas.export import json_schema
    from kernel_schema.lowering.apply import kernelize, kernelized, use_kernel_config
    from kernel_schema.lowering.audit import audit
    from kernel_schema.lowering.check import check
    from kernel_schema.lowering.explain import explain, plan_matrix
    from kernel_schema.lowering.lower import lower
    from kernel_schema.lowering.restore import restore
    from kernel_schema.model.inspect import RegisteredLayer, RegisteredLayers, inspect_model
    from kernel_schema.schema.compare import Change, diff
    from kernel_schema.schema.input_types import (
        CapabilityEntryDict,
        DeviceMappingDict,
        KernelSpecDict,
        ModeMappingDict,
    )
    from kernel_schema.schema.models import (
        CapabilityEntry,
        DeviceMapping,
        KernelConfig,
        KernelSpec,
        ModeMapping,
    )
    from kernel_schema.schema.ranges import Capabilities
    from kernel_schema.schema.references import HubRef, LocalRef, parse_kernel_ref
    from kernel_schema.schema.rules import HubKernel, LocalKernel, Rule, RuntimeChoice, expand
    from kernel_schema.schema.vocabulary import ORIGINAL, DeviceType, ModeName

__all__ = [
    "ORIGINAL",
    "Candidate",
    "Capabilities",
    "CapabilityEntry",
    "CapabilityEntryDict",
    "Change",
    "ConfigError",
    "DeviceMapping",
    "DeviceMappingDict",
    "DeviceType",
    "Diagnostic",
    "Document",
    "FileAccessError",
    "HubKernel",
    "HubRef",
    "Kept",
    "KernelConfig",
    "KernelInUse",
    "KernelNotAppliedError",
    "KernelSchemaError",
    "KernelSpec",
    "KernelSpecDict",
    "LayerPlan",
    "LayerReport",
    "LocalKernel",
    "LocalRef",
    "LoweringError",
    "ModeMapping",
    "ModeMappingDict",
    "ModeName",
    "ModelCheckError",
    "Plan",
    "RegisteredLayer",
    "RegisteredLayers",
    "Report",
    "Route",
    "Rule",
    "RuntimeChoice",
    "Severity",
    "Span",
    "Standing",
    "Status",
    "__version__",
    "audit",
    "check",
    "diff",
    "disagreements",
    "dump",
    "dumps",
    "expand",
    "explain",
    "inspect_model",
    "json_schema",
    "kernelize",
    "kernelized",
    "load",
    "loads",
    "loads_document",
    "lower",
    "parse_kernel_ref",
    "plan_matrix",
    "read",
    "restore",
    "select",
    "use_kernel_config",
]

__version__ = "0.1.0"

# Where each public name lives: imported when it is first asked for, so that importing the package
# costs nothing that is not used.
_HOMES = {
    "diagnostics": (
        "ConfigError Diagnostic KernelNotAppliedError KernelSchemaError LoweringError "
        "ModelCheckError Route Severity Span"
    ),
    "files.document": "Document",
    "files.write": "dump dumps",
    "files.read": "FileAccessError load loads loads_document read",
    "lowering.apply": "kernelize kernelized use_kernel_config",
    "lowering.audit": "audit",
    "lowering.check": "check",
    "lowering.explain": "explain plan_matrix",
    "json_schemas.export": "json_schema",
    "lowering.lower": "lower",
    "choice.plan": "Candidate LayerPlan Plan Standing Status disagreements",
    "model.inspect": "RegisteredLayer RegisteredLayers inspect_model",
    "choice.report": "KernelInUse Kept LayerReport Report",
    "choice.choose": "select",
    "lowering.restore": "restore",
    "schema.ranges": "Capabilities",
    "schema.models": "CapabilityEntry DeviceMapping KernelConfig KernelSpec ModeMapping",
    "schema.input_types": "CapabilityEntryDict DeviceMappingDict KernelSpecDict ModeMappingDict",
    "schema.compare": "Change diff",
    "schema.references": "HubRef LocalRef parse_kernel_ref",
    "schema.rules": "HubKernel LocalKernel Rule RuntimeChoice expand",
    "schema.vocabulary": "ORIGINAL DeviceType ModeName",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
