"""The closed vocabularies of the format: devices, modes and capability bounds."""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Final, Literal

from kernel_schema.wording import Suggester, normalise_word

Original = Literal["original"]
"""Keep the model's own forward."""

ORIGINAL: Final = "original"

MAX_CAPABILITY: Final = 9999
"""Upper limit of a capability bound; real ones have two or three digits (90 means 9.0)."""


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
CONFIG_KEYS: Final = ("$schema", "kernel_mapping", "inherit_mapping")

# What people write for a device: torch's, vendors' and marketing names.
_DEVICE_ALIASES: Final = {
    "gpu": "cuda",
    "nvidia": "cuda",
    "nv": "cuda",
    "hip": "rocm",
    "amd": "rocm",
    "amdgpu": "rocm",
    "metal": "mps",
    "apple": "mps",
    "mlx": "mps",
    "intel": "xpu",
    "sycl": "xpu",
    "ascend": "npu",
    "cann": "npu",
    "privateuseone": "npu",
    "trainium": "neuron",
    "inferentia": "neuron",
    "xla": "tpu",
    "host": "cpu",
    "x86": "cpu",
}
_MODE_ALIASES: Final = {
    "infer": "inference",
    "eval": "inference",
    "predict": "inference",
    "train": "training",
    "compile": "inference_torch_compile",
    "torch_compile": "inference_torch_compile",
    "inference_compile": "inference_torch_compile",
    "inference|torch_compile": "inference_torch_compile",
    "train_compile": "training_torch_compile",
    "training_compile": "training_torch_compile",
    "training|torch_compile": "training_torch_compile",
    "default": "fallback",
    "any": "fallback",
    "all": "fallback",
}
_SPEC_ALIASES: Final = {
    "repo": "kernel",
    "repo_id": "kernel",
    "ref": "kernel",
    "path": "kernel",
    "branch": "revision",
    "tag": "revision",
    "commit": "revision",
    "rev": "revision",
    "lock": "lockfile",
    "trust": "trust_remote_code",
    "min": "min_capability",
    "max": "max_capability",
}
# Keys of the whole config.
_CONFIG_ALIASES: Final = {
    "kernels": "kernel_mapping",
    "layers": "kernel_mapping",
    "mapping": "kernel_mapping",
    "inherit": "inherit_mapping",
}


KeyKind = Literal["device", "mode", "key"]

# Every word that may have been meant, and the misspellings with a fixed answer, by kind of key.
_WORDS: Final[dict[KeyKind, dict[str, str]]] = {
    "device": {name: name for name in DEVICE_NAMES} | _DEVICE_ALIASES,
    "mode": {name: name for name in MODE_NAMES} | _MODE_ALIASES,
    "key": {name: name for name in (*SPEC_KEYS, *RANGE_KEYS)} | _SPEC_ALIASES,
}


def closest_of(word: str, kinds: tuple[KeyKind, ...]) -> tuple[KeyKind | None, str | None]:
    """The kind and the name of the key that `word` probably meant, among `kinds`.

    >>> closest_of("infer", ("device", "mode")), closest_of("cuda:0", ("device", "mode"))
    (('mode', 'inference'), ('device', 'cuda'))
    >>> closest_of("banana", ("device", "mode"))
    (None, None)
    """
    if "device" in kinds:
        word = word.split(":", 1)[0]
    suggester, kind_of = _among(kinds)
    nearest = suggester.closest(normalise_word(word).removeprefix("mode."))
    return (kind_of[nearest], nearest) if nearest else (None, None)


@cache
def _among(kinds: tuple[KeyKind, ...]) -> tuple[Suggester, dict[str, KeyKind]]:
    kind_of: dict[str, KeyKind] = {name: kind for kind in kinds for name in _WORDS[kind].values()}
    words = {known: name for kind in kinds for known, name in _WORDS[kind].items()}
    return Suggester(kind_of, words), kind_of


def closest_device(word: str) -> str | None:
    """The device that `word` probably meant, or None.

    >>> closest_device("cuda:0"), closest_device("hip"), closest_device("cdua")
    ('cuda', 'rocm', 'cuda')
    """
    return closest_of(word, ("device",))[1]


def closest_mode(word: str) -> str | None:
    """The mode that `word` probably meant, or None.

    >>> closest_mode("infer"), closest_mode("trainning"), closest_mode("Mode.TRAINING")
    ('inference', 'training', 'training')
    """
    return closest_of(word, ("mode",))[1]


def closest_key(word: str, keys: tuple[str, ...]) -> str | None:
    """The one of `keys` that `word` probably meant, or None.

    >>> closest_key("verison", SPEC_KEYS), closest_key("commit", SPEC_KEYS)
    ('version', 'revision')
    """
    return _of_keys(keys).closest(word)


@cache
def _of_keys(keys: tuple[str, ...]) -> Suggester:
    known = _SPEC_ALIASES | _CONFIG_ALIASES
    return Suggester(keys, {alias: key for alias, key in known.items() if key in keys})
