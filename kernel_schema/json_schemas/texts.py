"""What the JSON Schema says of single keys and values: descriptions, messages, patterns, bounds.

A node holds every keyword, those that only editors understand included.
"""

from __future__ import annotations

from typing import Any, Final

from kernel_schema.json_schemas.patterns import (
    ENTRY,
    KERNEL,
    LAYER_NAME,
    LOCKFILE,
    REPO_ID,
    REVISION,
    anchored,
)
from kernel_schema.json_schemas.patterns import SCHEMA_URI as SCHEMA_URI_PATTERN
from kernel_schema.schema.lines import MAX_LENGTH
from kernel_schema.schema.references import MAX_VERSION
from kernel_schema.schema.vocabulary import (
    DEVICE_NAMES,
    MAX_CAPABILITY,
    MODE_NAMES,
    ORIGINAL,
    RANGE_KEYS,
    SPEC_KEYS,
)
from kernel_schema.wording import listing

Keywords = dict[str, Any]
Texts = dict[str, str]

_FORMS: Final = (
    "`org/repo:layer_name`, `org/repo@v1:layer_name`, `org/repo@revision:layer_name` "
    "or `./path:layer_name`"
)
_KERNEL_MESSAGE: Final = f"a kernel is written {_FORMS}"
_ENTRY_MESSAGE: Final = f"{_KERNEL_MESSAGE}; `original` keeps the model's own forward"
_KERNEL_EXAMPLES: Final = [
    "kernels-community/activation:SiLU",
    "kernels-community/activation@v1:SiLU",
    "./kernels/norm:MyNorm",
]


def _value(description: str, message: str, examples: list[Any], **rules: Any) -> Keywords:
    return {
        "description": description,
        **rules,
        "errorMessage": message,
        "examples": examples,
        "doNotSuggest": True,
    }


def _capability(which: str, side: str, sample: str, examples: list[int]) -> Keywords:
    return _value(
        f"{which} compute capability of the range, included; {sample}. Left out, nothing bounds "
        f"the range {side}.",
        f"a capability is an integer from 0 to {MAX_CAPABILITY}, and {sample}",
        examples,
        type="integer",
        minimum=0,
        maximum=MAX_CAPABILITY,
    )


VALUES: Final[dict[str, Keywords]] = {
    "kernel": _value(
        "The kernel: a layer of a kernel repository on the Hub, written `org/repo:layer_name`, or "
        "on disk, written `./path:layer_name`. `@v1` behind the repository states a kernel "
        "version, any other `@...` a git revision.",
        _KERNEL_MESSAGE,
        _KERNEL_EXAMPLES,
        type="string",
        pattern=anchored(KERNEL),
    ),
    "kernel_or_original": _value(
        "The kernel for this capability range, written `org/repo:layer_name` or "
        "`./path:layer_name`; or `original`, which keeps the model's own forward.",
        _ENTRY_MESSAGE,
        ["kernels-community/activation:SiLU", ORIGINAL],
        type="string",
        pattern=anchored(ENTRY),
    ),
    "version": _value(
        "Kernel version. Without any of `@...`, `version`, `revision` and `lockfile`, version 1 is "
        "meant.",
        f"a version is an integer from 0 to {MAX_VERSION}, without quotes",
        [1],
        type="integer",
        minimum=0,
        maximum=MAX_VERSION,
    ),
    "revision": _value(
        "Git branch, tag or commit of the kernel repository, in place of a version.",
        "a revision is a string of letters, digits, `_`, `.`, `/` and `-`",
        ["main"],
        type="string",
        pattern=anchored(REVISION),
    ),
    "lockfile": _value(
        "Lock file of the kernels library that pins the repository, relative to this file.",
        "`lockfile` is the path of a lock file, on one line",
        ["./kernels.lock"],
        type="string",
        pattern=anchored(LOCKFILE),
    ),
    "trust_remote_code": {
        "description": "Whether to run code of publishers that the Hub does not vouch for: `true`, "
        "`false`, or the repository ids for which to do so.",
        "type": ["boolean", "array"],
        "items": {
            "description": "A repository whose code may run, written `org/repo`.",
            "type": "string",
            "pattern": anchored(REPO_ID),
            "errorMessage": "a repository id is written `org/repo`",
        },
        "minItems": 1,
        "errorMessage": "`trust_remote_code` is true, false or a list of at least one repository "
        "id",
        "default": False,
        "examples": [True, ["org/repo"]],
        "doNotSuggest": True,
    },
    "min_capability": _capability("Lowest", "below", "90 means 9.0", [75, 80, 90, 100]),
    "max_capability": _capability("Highest", "above", "89 means 8.9", [79, 89, 99]),
}
"""The values of the keys of a table, by the name that they have among the definitions."""

KERNEL_STRING: Final[Keywords] = {
    "patternErrorMessage": _KERNEL_MESSAGE,
    "pattern": anchored(KERNEL),
    "examples": _KERNEL_EXAMPLES,
    "doNotSuggest": True,
}
"""A string in place of a table, for a mode."""
ENTRY_STRING: Final[Keywords] = {
    "patternErrorMessage": _ENTRY_MESSAGE,
    "pattern": anchored(ENTRY),
    "examples": [*_KERNEL_EXAMPLES, ORIGINAL],
}
"""A string in place of a table, for a layer or a device."""

SCHEMA_URI: Final[Keywords] = {
    "description": "Where an editor finds the JSON Schema of this file: a URL, or a path relative "
    "to the file.",
    "type": "string",
    "pattern": anchored(SCHEMA_URI_PATTERN),
    "maxLength": MAX_LENGTH,
    "errorMessage": f"`$schema` is a URL or a path, on one line of at most {MAX_LENGTH} characters",
    "examples": ["./kernel-config.schema.json"],
}
INHERIT: Final[Keywords] = {
    "description": "Whether layers and devices that are not named here keep the kernels of the "
    "mapping that is active in the kernels library.",
    "type": "boolean",
    "errorMessage": "`inherit_mapping` is true or false, without quotes",
    "default": True,
}
LAYER_NAMES: Final[Keywords] = {
    "type": "string",
    "pattern": anchored(LAYER_NAME),
    "maxLength": MAX_LENGTH,
    "errorMessage": "a layer name is not empty, has no white space at its ends and no control "
    f"characters, and is no longer than {MAX_LENGTH} characters",
    "doNotSuggest": True,
}

DEVICE_TEXTS: Final[Texts] = {
    "cpu": "The CPU.",
    "cuda": "NVIDIA GPUs. Also takes a list of compute capability ranges.",
    "mps": "Apple GPUs, through Metal.",
    "neuron": "AWS Trainium and Inferentia, through Neuron.",
    "npu": "Ascend NPUs.",
    "rocm": "AMD GPUs. Also takes a list of compute capability ranges.",
    "tpu": "Google TPUs.",
    "xpu": "Intel GPUs.",
}
MODE_TEXTS: Final[Texts] = {
    "inference": "When the model runs in evaluation mode.",
    "training": "When the model runs in training mode; also in evaluation mode, where no "
    "`inference` is named.",
    "inference_torch_compile": "When the model runs in evaluation mode under `torch.compile`.",
    "training_torch_compile": "When the model runs in training mode under `torch.compile`.",
    "fallback": "Any mode that is not named. It does not mean: when loading fails.",
}
KERNEL_TEXTS: Final[Texts] = {key: VALUES[key]["description"] for key in SPEC_KEYS}
BOUND_TEXTS: Final[Texts] = {key: VALUES[key]["description"] for key in RANGE_KEYS}
RANGE_KERNEL_TEXTS: Final[Texts] = {
    **KERNEL_TEXTS,
    "kernel": VALUES["kernel_or_original"]["description"],
}

DEVICES_ONLY: Final = (
    f"beside a device only devices can stand: {listing(DEVICE_NAMES, 'and')}; "
    "put kernels, options and modes inside a device"
)
MODES_ONLY: Final = f"beside a mode only modes can stand: {listing(MODE_NAMES, 'and')}"

CONFIG: Final = "Which kernel runs for which layer of a model."
CONFIG_MESSAGE: Final = "a config is a table with the key `kernel_mapping`"
LACKING_MAPPING: Final = (
    "a config needs the key `kernel_mapping`: write `kernel_mapping: {}` for one without layers"
)
MAPPING: Final = "What runs for each layer, by the name under which models register it."
MAPPING_MESSAGE: Final = "`kernel_mapping` is a table of layers"

_STRING: Final = "`org/repo:layer_name`, `original`"
LAYER: Final = (
    "What runs for a layer: a kernel for every device and mode, `original` to keep the model's own "
    "forward, a kernel with options, or kernels by device or by mode."
)
LAYER_MESSAGE: Final = (
    f"a layer takes {_STRING}, a kernel with options, a table of devices or a table of modes"
)
DEVICE_MESSAGE: Final = (
    f"this device takes {_STRING}, a kernel with options or a table of modes; lists of capability "
    "ranges are for cuda and rocm only"
)
CAPABILITY_DEVICE_MESSAGE: Final = (
    f"a device takes {_STRING}, a kernel with options, a table of modes or, under cuda and rocm, "
    "a list of capability ranges"
)
MODE_MESSAGE: Final = "a mode takes `org/repo:layer_name` or a kernel with options"
RANGE: Final = (
    "What runs on one range of compute capabilities: `kernel` with its options, or kernels by "
    "mode. The narrowest range that holds the GPU's capability wins."
)
RANGE_MESSAGE: Final = "a capability range is a table with `kernel` or with modes"
