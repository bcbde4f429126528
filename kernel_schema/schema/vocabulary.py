"""The closed vocabularies of the format: devices, modes and capability bounds."""

from __future__ import annotations

import re
from enum import Enum
from functools import cache
from typing import Final, Literal

from kernel_schema.wording import Suggester, normalise_word

Original = Literal["original"]
"""Keep the model's own forward."""

ORIGINAL: Final = "original"

MAX_CAPABILITY: Final = 9999
"""Upper limit of a capability bound; real ones have two or three digits (90 means 9.0)."""


LOWEST_LIKELY: Final = 20
"""Below this a bound above 0 was hardly meant so: 9 means 0.9, which no GPU has."""


class DeviceType(str, Enum):
    """A device type, named as `kernels.Device` names it.

    >>> DeviceType("cuda") == "cuda"
    True
    >>> f"{DeviceType.ROCM}"
    'rocm'
    """

    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"
    NEURON = "neuron"
    NPU = "npu"
    ROCM = "rocm"
    TPU = "tpu"
    XPU = "xpu"

    def __str__(self) -> str:
        return self.value


class ModeName(str, Enum):
    """When a kernel is used: the five `kernels.Mode` values that kernels ever selects.

    `FALLBACK` means "any mode that is not named". It does not mean "when loading fails".

    >>> ModeName("inference_torch_compile").kernels_name
    'INFERENCE|TORCH_COMPILE'
    """

    INFERENCE = "inference"
    TRAINING = "training"
    INFERENCE_TORCH_COMPILE = "inference_torch_compile"
    TRAINING_TORCH_COMPILE = "training_torch_compile"
    FALLBACK = "fallback"

    def __str__(self) -> str:
        return self.value

    @property
    def kernels_name(self) -> str:
        """How `kernels.Mode` spells this mode."""
        return self.value.upper().replace("_TORCH", "|TORCH")


CAPABILITY_DEVICES: Final = frozenset({DeviceType.CUDA, DeviceType.ROCM})
"""Devices for which kernels distinguishes capabilities (`CUDAProperties`, `ROCMProperties`)."""

DEVICE_NAMES: Final = tuple(device.value for device in DeviceType)
MODE_NAMES: Final = tuple(mode.value for mode in ModeName)
SPEC_KEYS: Final = ("kernel", "version", "revision", "lockfile", "trust_remote_code")
RANGE_KEYS: Final = ("min_capability", "max_capability")
CONFIG_KEYS: Final = ("$schema", "extends", "lockfile", "kernel_mapping", "inherit_mapping")
FREE_PREFIX: Final = "x-"
"""Begins keys of a config that are free, to hold anchors of YAML say: they mean nothing."""


def is_free(key: object) -> bool:
    """Whether a key of a config is free.

    >>> is_free("x-common"), is_free("X-common"), is_free(1)
    (True, False, False)
    """
    return isinstance(key, str) and key.startswith(FREE_PREFIX)


# What people write for a device: torch's, vendors' and marketing names.
_DEVICE_ALIASES: Final = {
    **dict.fromkeys(("gpu", "nvidia", "nv"), "cuda"),
    **dict.fromkeys(("hip", "amd", "amdgpu"), "rocm"),
    **dict.fromkeys(("metal", "apple", "apple_silicon", "mlx"), "mps"),
    **dict.fromkeys(("intel", "intel_gpu", "oneapi", "sycl"), "xpu"),
    **dict.fromkeys(("ascend", "cann", "privateuseone"), "npu"),
    **dict.fromkeys(("trainium", "inferentia", "trn", "inf1", "inf2"), "neuron"),
    **dict.fromkeys(("host", "x86", "x86_64", "amd64", "arm", "arm64", "aarch64"), "cpu"),
}
# torch's names of devices that are none of kernels', or that several of them are.
_SEVERAL: Final = {"xla": "`neuron` or `tpu`", "accelerator": "`cuda`, `rocm` or `xpu`"}
_EVERY_DEVICE: Final = frozenset(("*", "all", "any", "default", "every", "other", "others", "rest"))
_NO_DEVICES: Final = frozenset(
    (
        *("directml", "dml", "fpga", "gaudi", "habana", "hpu", "ipu", "lazy", "maia", "meta"),
        *("mkldnn", "mlu", "mtia", "musa", "opencl", "opengl", "openvino", "ve", "vulkan"),
        "webgpu",
    )
)
_MODE_ALIASES: Final = {
    **dict.fromkeys(("infer", "eval", "predict"), "inference"),
    "train": "training",
    **dict.fromkeys(
        (
            *("compile", "torch_compile", "inference_compile"),
            *("inference|torch_compile", "torch_compile|inference"),
        ),
        "inference_torch_compile",
    ),
    **dict.fromkeys(
        (
            *("train_compile", "training_compile"),
            *("training|torch_compile", "torch_compile|training"),
        ),
        "training_torch_compile",
    ),
    **dict.fromkeys(("default", "any", "all"), "fallback"),
}
# Aliases that nobody uses for anything else.
_ONE_MEANING: Final = frozenset(
    (
        *("ascend", "cann", "hip", "inferentia", "metal", "nvidia", "trainium"),
        *("inference|torch_compile", "torch_compile|inference"),
        *("training|torch_compile", "torch_compile|training"),
    )
)
NAMES_OF_CAPABILITY: Final = frozenset(
    (
        *("arch", "arch_list", "capabilities", "capability", "capability_range", "cc"),
        *("compute_capability", "cuda_arch", "cuda_capability", "device_capability"),
        *("gpu_arch", "range", "sm"),
    )
)
"""What people call a capability, or a range of them: which bound is meant says the value."""
_SPEC_ALIASES: Final = {
    **dict.fromkeys(("repo", "repo_id", "ref", "path"), "kernel"),
    **dict.fromkeys(("branch", "tag", "commit", "rev"), "revision"),
    **dict.fromkeys(("sha", "hash", "git_ref", "commit_hash", "commit_id"), "revision"),
    "ver": "version",
    "lock": "lockfile",
    "trust": "trust_remote_code",
    **dict.fromkeys(("min", "minimum", "min_sm", "min_cc", "lower", "gte", "ge"), "min_capability"),
    **dict.fromkeys(("max", "maximum", "max_sm", "max_cc", "upper", "lte", "le"), "max_capability"),
    **dict.fromkeys(NAMES_OF_CAPABILITY, "min_capability"),
}
_CONFIG_ALIASES: Final = {
    **dict.fromkeys(("kernels", "layers", "mapping"), "kernel_mapping"),
    "inherit": "inherit_mapping",
    **dict.fromkeys(
        (
            *("include", "includes", "import", "imports", "base", "bases", "base_config"),
            *("inherits", "inherits_from", "parent", "parents"),
        ),
        "extends",
    ),
}

KeyKind = Literal["device", "mode", "key"]
"""What a key of an entry may be: `key` is one of a kernel with options or of a range."""

_NAMES: Final[dict[KeyKind, tuple[str, ...]]] = {
    "device": DEVICE_NAMES,
    "mode": MODE_NAMES,
    "key": (*SPEC_KEYS, *RANGE_KEYS),
}
_ALIASES: Final[dict[KeyKind, dict[str, str]]] = {
    "device": _DEVICE_ALIASES,
    "mode": _MODE_ALIASES,
    "key": _SPEC_ALIASES,
}


def closest_of(word: str, kinds: tuple[KeyKind, ...]) -> tuple[KeyKind | None, str | None]:
    """The kind and the name of the key that `word` probably meant, among `kinds`.

    >>> closest_of("infer", ("device", "mode")), closest_of("cuda:0", ("device", "mode"))
    (('mode', 'inference'), ('device', 'cuda'))
    """
    suggester, kind_of = _among(kinds)
    nearest = suggester.closest(_folded(word))
    if nearest is None and "device" in kinds:
        nearest = suggester.closest(_folded(without_number(word)))
    return (kind_of[nearest], nearest) if nearest else (None, None)


def without_number(word: str) -> str:
    """The name of a device without the number of a GPU, or of a version.

    >>> [without_number(word) for word in ("cuda:0", "rocm6.2", "ascend910b", "cuda")]
    ['cuda', 'rocm', 'ascend', 'cuda']
    """
    return _NUMBERED.sub("", word) if len(word) <= _LONGEST_NUMBERED else word


_LONGEST_NUMBERED: Final = 100  # longer ones are no names of devices, and take time
_NUMBERED: Final = re.compile(r"[\s:_.-]*v?[0-9][0-9.]*[a-z]?\s*\Z|:.*")


def device_named(word: str) -> str | None:
    """The device that a word is the name of, or another name for; nothing that is only near.

    >>> device_named("HIP"), device_named("cdua")
    ('rocm', None)
    """
    folded = _folded(word)
    return folded if folded in DEVICE_NAMES else _DEVICE_ALIASES.get(folded)


def means_exactly(word: str, name: str) -> bool:
    """Whether a word that `closest_of` or `closest_key` takes for a name can mean nothing else.

    >>> means_exactly("CUDA:0", "cuda"), means_exactly("hip", "rocm"), means_exactly("gpu", "cuda")
    (True, True, False)
    """
    folded = _folded(word).removesuffix(":0")
    return folded == normalise_word(name) or folded in _ONE_MEANING


def device_help(word: str) -> str | None:
    """What to say of torch's name of a device that kernels does not have, or has in parts.

    >>> device_help("xla:0"), device_help("cuda")
    ('write `neuron` or `tpu`, whichever it is', None)
    """
    word = normalise_word(without_number(word))
    if word in _SEVERAL:
        return f"write {_SEVERAL[word]}, whichever it is"
    return "leave it out: kernels has no such device" if word in _NO_DEVICES else None


def is_every_device(word: str) -> bool:
    """Whether a word was to stand for every device, or for all that are not named.

    >>> is_every_device("*"), is_every_device("cuda")
    (True, False)
    """
    return normalise_word(word) in _EVERY_DEVICE


def joined_names(word: str, names: tuple[str, ...]) -> list[str]:
    """The names that a text joins to one key; none unless it joins several.

    >>> joined_names("cuda, hip", DEVICE_NAMES), joined_names("cuda", DEVICE_NAMES)
    (['cuda', 'rocm'], [])
    """
    parts = [normalise_word(part) for part in _BETWEEN_NAMES.split(word.strip()) if part]
    if names == DEVICE_NAMES:
        parts = [device_named(part) or part for part in parts]
    return parts if len(set(parts)) > 1 and set(parts) <= set(names) else []


_BETWEEN_NAMES: Final = re.compile(r"[\s,;|/&+]+")


def _folded(word: str) -> str:
    """A word as a file may have it of Python: `Mode.TRAINING | Mode.TORCH_COMPILE`."""
    return _JOINT.sub("|", normalise_word(word)).removeprefix("mode.")


_JOINT: Final = re.compile(r"_*\|_*(?:mode\.)?")


@cache
def _among(kinds: tuple[KeyKind, ...]) -> tuple[Suggester, dict[str, KeyKind]]:
    kind_of: dict[str, KeyKind] = {name: kind for kind in kinds for name in _NAMES[kind]}
    aliases = {alias: name for kind in kinds for alias, name in _ALIASES[kind].items()}
    return Suggester(kind_of, aliases), kind_of


def closest_key(word: str, keys: tuple[str, ...]) -> str | None:
    """The one of `keys` that `word` probably meant, or None.

    >>> closest_key("verison", SPEC_KEYS), closest_key("commit", SPEC_KEYS)
    ('version', 'revision')
    """
    return _of_keys(keys).closest(word)


@cache
def _of_keys(keys: tuple[str, ...]) -> Suggester:
    aliases = _SPEC_ALIASES | _CONFIG_ALIASES
    return Suggester(keys, {alias: key for alias, key in aliases.items() if key in keys})
