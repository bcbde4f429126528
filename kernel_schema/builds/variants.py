"""Which build of a kernel a machine takes: the choice of kernels, for this machine or a stated one.

Source of the rules: `kernels.variants` and `kernels.archs` of kernels 0.17.2, which choose for the
machine at hand only, and import torch to do so. Tests hold both against each other.
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_schema.schema.vocabulary import DeviceType

if TYPE_CHECKING:
    from collections.abc import Iterable

Release = tuple[int, int]
"""The first two numbers of a version."""


@dataclass(frozen=True)
class BuildTarget:
    """A machine, as far as builds depend on it. What is None is not known, and rules nothing out.

    Args:
        backend: What torch is built for: `cpu`, `cu130`, `rocm63`, `xpu20252`, `metal`; or only
            its family, `cuda`, where the version is not known.
        torch: Release of torch.
        cpu: `x86_64` or `aarch64`.
        os: `linux`, `darwin` or `windows`.
        cxx11_abi: Whether torch has the newer C++ ABI; only Linux had two.
        macos: Release of macOS.
        tvm_ffi: Release of tvm-ffi.

    >>> print(parse_target("torch2.13-cu130-x86_64-linux"))
    torch2.13-cu130-x86_64-linux
    """

    backend: str | None = None
    torch: Release | None = None
    cpu: str | None = None
    os: str | None = None
    cxx11_abi: bool | None = None
    macos: Release | None = None
    tvm_ffi: Release | None = None

    @property
    def family(self) -> str | None:
        """The backend without its version, as builds for any version are named: `cuda`, `npu`."""
        return None if self.backend is None else family(self.backend)

    @property
    def device(self) -> DeviceType | None:
        """The device that its models run on.

        >>> parse_target("torch2.13-metal-aarch64-darwin").device
        <DeviceType.MPS: 'mps'>
        """
        name = self.family
        return None if name is None else DeviceType({"metal": "mps"}.get(name, name))

    def __str__(self) -> str:
        torch = None if self.torch is None else f"torch{self.torch[0]}.{self.torch[1]}"
        return "-".join(filter(None, (torch, self.backend, self.cpu, self.os)))


def target_of_device(device: DeviceType | None) -> BuildTarget:
    """A machine of which only the device is known.

    >>> target_of_device(DeviceType.MPS).backend
    'metal'
    """
    return BuildTarget(None if device is None else {"mps": "metal"}.get(device.value, device.value))


def parse_target(text: str) -> BuildTarget:
    """A machine as it is written: `torch2.13-cu130-x86_64-linux`, the last two may be left out.

    Raises:
        ValueError: If it is written otherwise; the message says how it is.

    >>> parse_target("torch2.13-cu130-x86_64-linux").backend
    'cu130'
    """
    match = _TARGET.fullmatch(text)
    if match is None:
        raise ValueError("a target is written `torch2.13-cu130-x86_64-linux` or `torch2.13-cpu`")
    cpu, os = this_platform()
    return BuildTarget(
        match["backend"].replace(".", ""),
        (int(match["major"]), int(match["minor"])),
        match["cpu"] or cpu,
        match["os"] or os,
        match["abi"] != "cxx98",
    )


_TARGET: Final = re.compile(
    r"torch(?P<major>\d{1,3})\.(?P<minor>\d{1,3})(?:\.\d+)?(?:-(?P<abi>cxx11|cxx98))?"
    r"-(?P<backend>cpu|metal|neuron|tpu|(?:cu|rocm|xpu|cann)\d+(?:\.\d+)*)"
    r"(?:-(?P<cpu>x86_64|aarch64))?(?:-(?P<os>linux|darwin|windows))?"
)


def this_platform() -> tuple[str, str]:
    """CPU and operating system as builds name them."""
    cpu, os = platform.machine(), platform.system().lower()
    return _SAME_CPU.get((cpu, os), cpu), os


_SAME_CPU: Final = {("arm64", "darwin"): "aarch64", ("AMD64", "windows"): "x86_64"}


class Variant(NamedTuple):
    """A build, by the name of its folder.

    Args:
        name: `torch213-cxx11-cu130-x86_64-linux`, `torch-cpu`.
        framework: `torch`, `stable` (torch's stable ABI), `tvm`, or `any` (no compiled code).
        release: Release of the framework; None for `any`.
        cxx11_abi: Which C++ ABI; None where the name says none.
        backend: With its version, `cu130`; for `any` the family or `universal`.
        cpu: None for `any`.
        os: None for `any`.
    """

    name: str
    framework: str
    release: Release | None
    cxx11_abi: bool | None
    backend: str
    cpu: str | None
    os: str | None


def parse_variant(name: str) -> Variant | None:
    """What the name of a folder says of the build in it; None if kernels knows no such name.

    >>> parse_variant("torch213-cu130-x86_64-linux").release
    (2, 13)
    >>> parse_variant("docs") is None
    True
    """
    if name.startswith("torch-") and not name.startswith("torch-stable-abi"):
        return Variant(name, "any", None, None, name.removeprefix("torch-"), None, None)
    match = _VARIANT.fullmatch(name)
    if match is None or _BACKEND.fullmatch(match["backend"]) is None:
        return None
    abi = None if match["abi"] is None else match["abi"] == "cxx11"
    release = (int(match["major"]), int(match["minor"]))
    framework = _FRAMEWORKS[match["framework"]]
    if abi is not None and framework != "torch":
        return None
    return Variant(name, framework, release, abi, match["backend"], match["cpu"], match["os"])


_FRAMEWORKS: Final = {"torch": "torch", "torch-stable-abi": "stable", "tvm-ffi": "tvm"}
_VARIANT: Final = re.compile(
    r"(?P<framework>torch|torch-stable-abi|tvm-ffi)(?P<major>\d)(?P<minor>\d+)"
    r"(?:-(?P<abi>cxx11|cxx98))?-(?P<backend>\w+)-(?P<cpu>[^-]+)-(?P<os>[^-]+)"
)
_BACKEND: Final = re.compile(r"cpu|metal|neuron|tpu|(?P<vendor>cu|rocm|xpu|cann)(\d+)(\d)")
_FAMILIES: Final = {"cu": "cuda", "cann": "npu"}


def family(backend: str) -> str:
    """A backend without its version.

    >>> family("cu130"), family("cann80"), family("cpu")
    ('cuda', 'npu', 'cpu')
    """
    match = _BACKEND.fullmatch(backend)
    vendor = match and match["vendor"]
    return _FAMILIES.get(vendor, vendor) if vendor else backend


def choose_build(
    names: Iterable[str], target: BuildTarget
) -> tuple[tuple[Variant, ...], dict[str, str]]:
    """The builds that a machine can take, the one it takes first, and why not the others.

    Of those that it cannot take, the nearest comes first.

    >>> choose_build(["torch-cuda", "torch-cpu"], BuildTarget("cpu"))[1]
    {'torch-cuda': 'is for cuda'}
    """
    against: list[tuple[Variant, str]] = []
    fitting: list[Variant] = []
    for name in names:
        variant = parse_variant(name)
        if variant is not None:
            reason = reason_against(variant, target)
            if reason is None:
                fitting.append(variant)
            else:
                against.append((variant, reason))
    against.sort(key=lambda each: _distance(each[0], target))
    reasons = {variant.name: reason for variant, reason in against}
    return tuple(sorted(fitting, key=_preference)), reasons


def _distance(variant: Variant, target: BuildTarget) -> tuple[bool, bool, int]:
    """How far a build is from a machine: of another device, for another platform, another torch."""
    release, there = variant.release or (0, 0), target.torch or (0, 0)
    # A major release is further away than any minor one.
    steps = abs(1000 * (release[0] - there[0]) + release[1] - there[1])
    differs = _differ(variant.cpu, target.cpu) or _differ(variant.os, target.os)
    return family(variant.backend) != target.family, differs, steps


def reason_against(variant: Variant, target: BuildTarget) -> str | None:
    """Why a machine cannot take a build; None if it can, as far as the machine is known."""
    backend = target.backend
    if variant.framework == "any":
        if backend is None or variant.backend in (family(backend), "universal"):
            return None
        return f"is for {variant.backend}"
    if _differ(variant.cpu, target.cpu) or _differ(variant.os, target.os):
        return f"is for {variant.cpu} and {variant.os}"
    return _against_framework(variant, target) or _against_backend(variant, target)


def _against_framework(variant: Variant, target: BuildTarget) -> str | None:
    needs = f"{variant.release[0]}.{variant.release[1]}" if variant.release else ""
    if variant.framework == "torch":
        if _differ(variant.release, target.torch):
            return f"is for torch {needs}"
        if _differ(variant.cxx11_abi, target.cxx11_abi):
            return "is for the other C++ ABI"
    elif variant.framework == "stable":
        if target.torch is not None and variant.release is not None:
            return f"needs torch {needs}" if variant.release > target.torch else None
    elif _differ(variant.release, target.tvm_ffi):
        return f"is for tvm-ffi {needs}"
    return None


def _against_backend(variant: Variant, target: BuildTarget) -> str | None:
    if target.backend is None:
        return None
    if target.backend == target.family and target.backend != variant.backend:
        # Only the family is known.
        return None if family(variant.backend) == target.backend else f"is for {variant.backend}"
    wanted, there = _cuda(variant.backend), _cuda(target.backend)
    if wanted is not None and there is not None:
        fits = wanted[0] == there[0] and wanted[1] <= there[1]
        return None if fits else f"is for CUDA {wanted[0]}.{wanted[1]}"
    if variant.backend != target.backend:
        return f"is for {variant.backend}"
    if variant.backend == "metal" and target.macos is not None and target.macos < _METAL_MACOS:
        return "needs macOS 26"
    return None


_METAL_MACOS: Final = (26, 0)


def _differ(wanted: object, there: object) -> bool:
    return wanted is not None and there is not None and wanted != there


def _cuda(backend: str) -> Release | None:
    match = re.fullmatch(r"cu(\d+)(\d)", backend)
    return (int(match[1]), int(match[2])) if match else None


def _preference(variant: Variant) -> tuple[int, ...]:
    """Order of kernels: the stable ABI, torch itself, tvm-ffi, then what is not compiled."""
    match = _BACKEND.fullmatch(variant.backend)
    newest_first = -int(match[3]) if match is not None and match["vendor"] else 0
    if variant.framework == "any":
        return (2, 0, 0, int(variant.backend == "universal"))
    if variant.framework == "stable":
        major, minor = variant.release or (0, 0)
        return (0, -major, -minor, newest_first)
    if variant.framework == "torch":
        return (1, 0, int(variant.cxx11_abi is not None), newest_first)
    return (2, 0, 0, newest_first)


def supports_capability(archs: Iterable[str], capability: int) -> bool:
    """Whether code for these CUDA architectures runs on a GPU; yes where none of them is known.

    >>> supports_capability(["8.0", "9.0a"], 86), supports_capability(["9.0a"], 100)
    (True, False)
    """
    parsed = [match for match in map(_ARCH.fullmatch, archs) if match is not None]
    return not parsed or any(_runs_on(match, divmod(capability, 10)) for match in parsed)


_ARCH: Final = re.compile(r"(\d+)\.(\d+)([af]?)(\+PTX)?")


def _runs_on(arch: re.Match[str], capability: Release) -> bool:
    built = (int(arch[1]), int(arch[2]))
    if arch[3] == "a":
        return capability == built
    if arch[4] and not arch[3]:
        return capability >= built
    return capability[0] == built[0] and capability[1] >= built[1]
