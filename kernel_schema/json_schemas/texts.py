r"""What the JSON Schema says of single keys and values: patterns, descriptions, messages, bounds.

Nodes hold every keyword, those that only editors understand included. Patterns mean the same to
every engine of regular expressions: Python, JavaScript (with and without the `u` flag) and Rust
agree on `^...$`, on classes of single characters and ranges with `-` last, and on groups without
names. They disagree on `\w`, `\d`, `.` and look-around: none of them is used.
"""

from __future__ import annotations

from typing import Any, Final

from kernel_schema.schema.references import (
    LAYER_PATTERN,
    LOCAL_START_PATTERN,
    MAX_VERSION,
    REPO_ID_PATTERN,
    REVISION_PATTERN,
)
from kernel_schema.schema.values import CONTROL_CLASS, MAX_LENGTH
from kernel_schema.schema.vocabulary import MAX_CAPABILITY, ORIGINAL

Keywords = dict[str, Any]
Texts = dict[str, str]

_TAIL: Final = "[A-Za-z0-9_./-]*"
# What follows `@`: any revision but a `v` with a number of more than nine digits.
_PIN: Final = (
    rf"(?:[A-Za-uw-z0-9_./-]{_TAIL}"
    rf"|v(?:[1-9][0-9]{{0,8}}|(?:[1-9][0-9]*)?[A-Za-z_./-]{_TAIL}|0{_TAIL})?)"
)
_LOCAL: Final = rf"{LOCAL_START_PATTERN}[^\x00-\x1f\x7f]*"
# What `str.strip` takes away beside them, and what cannot be printed in the lower part of Unicode.
_BLANK: Final = CONTROL_CLASS + r"\x20\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_UNPRINTABLE: Final = (
    r"\x00-\x1f\x7f-\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
)


def _not_local(rest: str) -> str:
    """Every string that is not written as a path on disk and is made of `rest` alone."""
    end = f"[^{rest}]*"
    return (
        rf"(?:[^{rest}/\\.~A-Za-z]{end}"
        rf"|\\(?:[^{rest}\\]{end})?"
        rf"|[A-Za-z](?:[^{rest}:]{end}|:(?:[^{rest}/\\]{end})?)?"
        rf"|\.(?:[^{rest}./\\]{end}|\.(?:[^{rest}/\\]{end})?)?)?"
    )


def _anchored(pattern: str) -> str:
    return f"^(?:{pattern})$"


_KERNEL: Final = rf"(?:{REPO_ID_PATTERN}(?:@{_PIN})?|{_LOCAL}):{LAYER_PATTERN}"
KERNEL: Final = _anchored(_KERNEL)
ENTRY: Final = _anchored(f"(?:{ORIGINAL}|{_KERNEL})")
REPO_ID: Final = _anchored(REPO_ID_PATTERN)
REVISION: Final = _anchored(REVISION_PATTERN)
LOCKFILE: Final = _anchored(rf" *[^{_UNPRINTABLE} ][^{_UNPRINTABLE}]*")
LAYER_NAME: Final = _anchored(rf"[^{_BLANK}](?:[^{CONTROL_CLASS}]*[^{_BLANK}])?")
# Neither absolute nor a URL.
BASE: Final = _anchored(rf"[^{_BLANK}/~\\:](?:[^{CONTROL_CLASS}:]*[^{_BLANK}:])?")
SCHEMA_URI: Final = _anchored(f"[^{CONTROL_CLASS}]*")
# Wrong references pass these two: each mistake is reported once, by the pattern of `kernel`.
NOT_LOCAL: Final = _anchored(_not_local(r"\x00"))
NOT_LOCAL_NOT_PINNED: Final = _anchored(_not_local("@"))

_KERNEL_MESSAGE: Final = (
    "a kernel is written `org/repo:layer_name`, `org/repo@v1:layer_name`, "
    "`org/repo@revision:layer_name` or `./path:layer_name`"
)
_ENTRY_MESSAGE: Final = f"{_KERNEL_MESSAGE}; `{ORIGINAL}` keeps the model's own forward"
_EXAMPLES: Final = [
    "kernels-community/activation:Silu",
    "kernels-community/activation@v1:Silu",
    "./kernels/norm:MyNorm",
]


def _value(description: str, message: str, examples: list[Any], **rules: Any) -> Keywords:
    texts = {"errorMessage": message, "examples": examples, "doNotSuggest": True}
    return {"description": description, **rules, **texts}


def _string(description: str, message: str, examples: list[Any], pattern: str) -> Keywords:
    return _value(description, message, examples, type="string", pattern=pattern)


def _integer(description: str, message: str, examples: list[Any], maximum: int) -> Keywords:
    return _value(description, message, examples, type="integer", minimum=0, maximum=maximum)


def _capability(which: str, side: str, sample: str, examples: list[int]) -> Keywords:
    return _integer(
        f"{which} compute capability of the range, included; {sample}. Left out, nothing bounds "
        f"the range {side}.",
        f"a capability is an integer from 0 to {MAX_CAPABILITY}, and {sample}",
        examples,
        MAX_CAPABILITY,
    )


VALUES: Final[dict[str, Keywords]] = {
    "kernel": _string(
        "The kernel: a layer of a kernel repository on the Hub, written `org/repo:layer_name`, or "
        "on disk, written `./path:layer_name`. `@v1` behind the repository states a kernel "
        "version, any other `@...` a git revision.",
        _KERNEL_MESSAGE,
        _EXAMPLES,
        KERNEL,
    ),
    "kernel_or_original": _string(
        "The kernel for this capability range, written `org/repo:layer_name` or "
        "`./path:layer_name`; or `original`, which keeps the model's own forward.",
        _ENTRY_MESSAGE,
        [_EXAMPLES[0], ORIGINAL],
        ENTRY,
    ),
    "version": _integer(
        "Kernel version. Without any of `@...`, `version`, `revision` and `lockfile`, version 1 is "
        "meant.",
        f"a version is an integer from 0 to {MAX_VERSION}, without quotes",
        [1],
        MAX_VERSION,
    ),
    "revision": _string(
        "Git branch, tag or commit of the kernel repository, in place of a version.",
        "a revision is a string of letters, digits, `_`, `.`, `/` and `-`",
        ["main"],
        REVISION,
    ),
    "lockfile": _string(
        "Lock file of the kernels library that pins the repository, relative to this file.",
        "`lockfile` is the path of a lock file, on one line",
        ["./kernels.lock"],
        LOCKFILE,
    ),
    "trust_remote_code": {
        "description": "Whether to run code of publishers that the Hub does not vouch for: `true`, "
        "`false`, or the repository ids for which to do so.",
        "type": ["boolean", "array"],
        "items": {
            "description": "A repository whose code may run, written `org/repo`.",
            "type": "string",
            "pattern": REPO_ID,
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

# A string in place of a table: for a mode, and for a layer or a device.
KERNEL_STRING: Final[Keywords] = {
    "patternErrorMessage": _KERNEL_MESSAGE,
    "pattern": KERNEL,
    "examples": _EXAMPLES,
    "doNotSuggest": True,
}
ENTRY_STRING: Final[Keywords] = {
    "patternErrorMessage": _ENTRY_MESSAGE,
    "pattern": ENTRY,
    "examples": [*_EXAMPLES, ORIGINAL],
}

SCHEMA_URI_VALUE: Final[Keywords] = {
    "description": "Where an editor finds the JSON Schema of this file: a URL, or a path relative "
    "to the file.",
    "type": "string",
    "pattern": SCHEMA_URI,
    "maxLength": MAX_LENGTH,
    "errorMessage": f"`$schema` is a URL or a path, on one line of at most {MAX_LENGTH} characters",
    "examples": ["./kernel-config.schema.json"],
}
_BASE: Final[Keywords] = {
    "type": "string",
    "pattern": BASE,
    "maxLength": MAX_LENGTH,
    "examples": ["./base.kernels.yaml"],
    "doNotSuggest": True,
}
_BASE_MESSAGE: Final = "`extends` is a path relative to this file, or a list of such paths"
EXTENDS: Final[Keywords] = {
    "description": "Files whose entries hold where this one says nothing: of two the later wins.",
    **_BASE,
    "type": ["string", "array"],
    "items": {**_BASE, "errorMessage": _BASE_MESSAGE, "patternErrorMessage": _BASE_MESSAGE},
    "minItems": 1,
    "errorMessage": _BASE_MESSAGE,
    "patternErrorMessage": _BASE_MESSAGE,
}
LOCK: Final[Keywords] = {
    "description": "Lock file that pins every kernel of this file to a commit and its bytes, "
    "relative to this file. `kernel-schema lock` writes both.",
    "type": "string",
    "pattern": LOCKFILE,
    "errorMessage": "`lockfile` is the path of a lock file, on one line",
    "examples": ["kernels.yaml.lock"],
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
    "pattern": LAYER_NAME,
    "maxLength": MAX_LENGTH,
    "errorMessage": "a layer name is not empty, has no white space at its ends and no control "
    f"characters, and is no longer than {MAX_LENGTH} characters",
    "doNotSuggest": True,
}

DEVICES: Final[Texts] = {
    "cpu": "The CPU.",
    "cuda": "NVIDIA GPUs. Also takes a list of compute capability ranges.",
    "mps": "Apple GPUs, through Metal.",
    "neuron": "AWS Trainium and Inferentia, through Neuron.",
    "npu": "Ascend NPUs.",
    "rocm": "AMD GPUs. Also takes a list of compute capability ranges.",
    "tpu": "Google TPUs.",
    "xpu": "Intel GPUs.",
}
MODES: Final[Texts] = {
    "inference": "When the model runs in evaluation mode.",
    "training": "When the model runs in training mode; also in evaluation mode, where no "
    "`inference` is named.",
    "inference_torch_compile": "When the model runs in evaluation mode under `torch.compile`.",
    "training_torch_compile": "When the model runs in training mode under `torch.compile`.",
    "fallback": "Any mode that is not named. It does not mean: when loading fails.",
}
