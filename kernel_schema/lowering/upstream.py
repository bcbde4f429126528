"""What is read of the kernels library that it does not offer in public: here, and nowhere else.

Nothing is read as a default: where a name is gone, a `LoweringError` with code
`unsupported-by-kernels` says which. Nothing here imports kernels: where it is not loaded, nothing
is registered, replaced or switched off.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kernel_schema.checks.environment import DISABLE_HELP, version_of
from kernel_schema.diagnostics import lowering_error
from kernel_schema.schema.ranges import EVERY_CAPABILITY, Capabilities
from kernel_schema.schema.rules import HubKernel, LocalKernel
from kernel_schema.schema.vocabulary import CAPABILITY_DEVICES
from kernel_schema.typeguards import is_list
from kernel_schema.wording import in_one_line, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from kernel_schema.diagnostics import LoweringError
    from kernel_schema.locks.pins import Pin
    from kernel_schema.schema.rules import Kernel
    from kernel_schema.schema.vocabulary import DeviceType

NEWEST_TESTED: Final = {"kernels": "0.17.2", "transformers": "5.24.0"}
"""The newest versions of what we read that the tests have run against."""


class PrivateName(NamedTuple):
    """A name of a module or class of kernels (of its instances) that is no public interface.

    It was seen in the versions tried from `since` on: 0.14.1, 0.15.2, 0.16.2 and 0.17.2.
    """

    owner: str
    name: str
    purpose: str
    since: str = "0.14.1"


_GLOBALS: Final = "kernels.layer.globals"
_LAYER: Final = "kernels.layer.layer"
_FUNCTION: Final = "kernels.layer.func"
_TREE: Final = "kernels.layer._interval_tree"
_REPOS: Final = "kernels.layer.repos"
_ON_THE_HUB: Final = "_repo_id _version _revision _trust_remote_code"

_READ: Final = {
    "the mapping that is active": {_GLOBALS: "_KERNEL_MAPPING"},
    "whether kernels is switched off": {_GLOBALS: "_DISABLE_KERNEL_MAPPING"},
    "which kernels are loaded": {_LAYER: "_CACHED_LAYER"},
    "which devices kernels knows": {f"{_REPOS}.DeviceRepos": "create_repo"},
    "the kernels of a device by mode": {f"{_REPOS}._CPURepos": "repos"},
    "ranges of capability": {
        f"{_REPOS}._CUDARepos": "repos_by_capability",
        f"{_TREE}.IntervalTree": "root",
        f"{_TREE}._Node": "start end data left right",
    },
    "which kernel a repository object is": {
        "kernels.LayerRepository": _ON_THE_HUB,
        "kernels.FuncRepository": _ON_THE_HUB,
        "kernels.LockedLayerRepository": "_repo_id _lockfile _trust_remote_code",
        "kernels.LockedFuncRepository": "_repo_id _lockfile _trust_remote_code",
        "kernels.LocalLayerRepository": "_repo_path",
        "kernels.LocalFuncRepository": "_repo_path",
    },
}
_READ_SINCE_0_17: Final = {
    "kernels from folders, with those that they depend on": {
        "kernels._rust": "KernelDependency KernelPaths KernelVersion",
        "kernels.load": "get_kernel_with_resolver",
        "kernels.resolver": "KernelPathsResolver",
        "kernels.validate": "AllValidator ArchValidator default_metadata_validators",
    }
}
PRIVATE_NAMES: Final = tuple(
    PrivateName(owner, name, purpose, since)
    for since, read in (("0.14.1", _READ), ("0.17", _READ_SINCE_0_17))
    for purpose, by_owner in read.items()
    for owner, names in by_owner.items()
    for name in names.split()
)
"""Everything that is read, for those who hold it against a kernels of another version.

The protocol of a model (`kernel_layer_name`, `kernel_condition` and, from 0.16 on, `_kernel_funcs`)
is read in the room `model`: models carry it, and a model without it registers nothing.
"""


def import_kernels() -> ModuleType:
    """The kernels library; `missing-dependency` or `broken-dependency` where there is none."""
    try:
        import kernels
    except ModuleNotFoundError as error:
        raise lowering_error(
            "missing-dependency",
            f"this needs the package {error.name}, which is not installed",
            "pip install 'kernel-schema[torch]'",
        ) from error
    except Exception as error:
        raise lowering_error(
            "broken-dependency",
            f"the kernels library cannot be imported: {error}",
            DISABLE_HELP if "DISABLE_KERNEL_MAPPING" in os.environ else None,
        ) from error
    return kernels


def active_mapping() -> dict[str, Any]:
    """The mapping that `kernels.kernelize` would use here: layer -> device -> `DeviceRepos`.

    Inside `kernels.use_kernel_mapping` it is a private copy; elsewhere it is shared by everybody.
    """
    variable = _variable(_GLOBALS, "_KERNEL_MAPPING")
    return {} if variable is None else variable.get()


def put_mapping_back(mapping: dict[str, Any]) -> None:
    """Make a mapping that was active before the active one."""
    variable = _variable(_GLOBALS, "_KERNEL_MAPPING")
    if variable is not None and variable.get() is not mapping:
        variable.set(mapping)


def loaded_layers() -> dict[Any, type]:
    """The kernels that were loaded in this process: repository object -> class of the layer."""
    return _variable(_LAYER, "_CACHED_LAYER") or {}


def is_mapping_disabled() -> bool:
    """Whether kernels keeps every original forward: `DISABLE_KERNEL_MAPPING`.

    kernels reads the variable once, when it is imported; before that, what it would make of it.
    """
    disabled = _variable(_GLOBALS, "_DISABLE_KERNEL_MAPPING")
    if disabled is None:
        return os.environ.get("DISABLE_KERNEL_MAPPING", "0").strip() not in {"", "0"}
    return disabled


def knows_device(kernels: ModuleType, device: str) -> bool:
    """Whether the installed kernels can register kernels for a device."""
    from kernels.layer.repos import DeviceRepos

    try:
        attribute(DeviceRepos, "create_repo")(kernels.Device(device))
    except ValueError:
        return False
    return True


def ranges_of(device: DeviceType, repositories: Any) -> Iterator[tuple[Capabilities, Any]]:
    """What the active mapping has for one device, by range of capability: kernels by mode."""
    if device not in CAPABILITY_DEVICES:
        yield EVERY_CAPABILITY, attribute(repositories, "repos")
        return
    pending = [attribute(attribute(repositories, "repos_by_capability"), "root")]
    while pending:
        node = pending.pop()
        if node is not None:
            start, end = attribute(node, "start"), attribute(node, "end")
            yield Capabilities(start, end), attribute(node, "data")
            pending += [attribute(node, "left"), attribute(node, "right")]


def kernel_of(repository: Any) -> Kernel:
    """Describe a repository object of kernels without asking it: its `str()` uses the network.

    One of a class that is neither kernels' own nor derived from it is shown by its class name.
    """
    locked = getattr(repository, "kernel", None)
    if isinstance(locked, HubKernel):  # a `PinnedLayerRepository`
        return locked
    kinds = [cls.__name__ for cls in type(repository).__mro__ if is_of_kernels(cls)]
    own_name = type(repository).__name__
    layer_name = getattr(repository, "layer_name", getattr(repository, "func_name", own_name))
    if not kinds:
        return HubKernel(own_name, layer_name)
    if kinds[0].startswith("Local"):
        # Imported here: a file alone is checked without any report.
        from kernel_schema.choice.report import reference_path

        return LocalKernel(reference_path(attribute(repository, "_repo_path")), layer_name)
    repo_id: str = attribute(repository, "_repo_id")
    trust: Any = attribute(repository, "_trust_remote_code")
    trust = tuple(trust) if is_list(trust) else trust
    if kinds[0].startswith("Locked"):
        lockfile = str(lockfile_of(repository))
        return HubKernel(repo_id, layer_name, lockfile=lockfile, trust_remote_code=trust)
    version, revision = attribute(repository, "_version"), attribute(repository, "_revision")
    return HubKernel(repo_id, layer_name, version, revision, trust_remote_code=trust)


def load_locked_layer(kernel: HubKernel, folders: Mapping[Pin, Path]) -> Any:
    """The class of a layer, from the folders of its build and of those it depends on.

    Without asking the network, whatever LOCAL_KERNELS says. From 0.17 on, when kernels came to
    depend on others, it takes their folders; before, the folder of a build was enough.
    """
    kernels = import_kernels()
    folder = next(iter(folders.values()))
    if importlib.util.find_spec("kernels.resolver") is None:
        return kernels.LocalLayerRepository(folder, layer_name=kernel.layer_name).load()
    version = _member("kernels._rust", "KernelVersion")
    dependencies = {
        pin: _member("kernels._rust", "KernelDependency")(
            repo_id=pin.repo_id,
            version=version.Version(pin.version)
            if pin.revision is None
            else version.Revision(pin.revision),
        )
        for pin in folders
    }
    paths = _member("kernels._rust", "KernelPaths")(
        {dependencies[pin]: path for pin, path in folders.items()}
    )
    validators = [
        *_member("kernels.validate", "default_metadata_validators")(),
        _member("kernels.validate", "ArchValidator")(),
    ]
    module = _member("kernels.load", "get_kernel_with_resolver")(
        api=None,
        backend=None,
        kernel=next(iter(dependencies.values())),
        resolver=_member("kernels.resolver", "KernelPathsResolver")(paths),
        metadata_validator=_member("kernels.validate", "AllValidator")(validators),
    )
    layer = getattr(getattr(module, "layers", None), kernel.layer_name, None)
    if layer is None:
        message = f"Layer `{kernel.layer_name}` not found in kernel repo `{kernel}`."
        raise ValueError(message)
    return layer


def why_unsigned(folder: Path) -> str | None:
    """Why a build has no valid signature, as `kernels.verify` tells; None if it has one.

    It asks the network, for the keys that count today.
    """
    try:
        verify: Any = importlib.import_module("kernels.verify")
    except ImportError as error:
        installed = version_of("kernels")
        what = f"kernels {installed} cannot verify any" if installed else "kernels is not installed"
        return f"{what} ({in_one_line(error)})"
    try:
        result = verify.verify_variant(folder)
    except Exception as error:  # noqa: BLE001 (whatever keeps it from being verified is to be told)
        return f"it cannot be verified here ({in_one_line(error)})"
    if isinstance(result, verify.VerificationResult.Success):
        return None
    reason = getattr(result, "reason", None)
    return f"{type(result).__name__}: {reason}" if reason else type(result).__name__


def lockfile_of(repository: Any) -> Any:
    """The lock file that a locked repository names; None where kernels looks for one itself."""
    return attribute(repository, "_lockfile")


def is_of_kernels(cls: type) -> bool:
    """Whether kernels made a class: of a repository, or of a function that it takes for a layer."""
    return cls.__module__ in {_LAYER, _FUNCTION}


def globals_of(cls: Any) -> dict[str, Any]:
    """The module of a kernel's code; where kernels closes over a function, that of the function."""
    function: Any = inspect.unwrap(cls.forward)
    if is_of_kernels(cls):
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        closed_over = {name: cell.cell_contents for name, cell in cells}
        function = closed_over.get("func", function)
    return getattr(function, "__globals__", {})


def always_holds(condition: Any) -> bool:
    """Whether a `kernel_condition` is the one that kernels gives to classes without their own."""
    name = getattr(condition, "__qualname__", "")
    return name.startswith("replace_kernel_forward_from_hub.")


def attribute(owner: Any, name: str) -> Any:
    """An attribute that has to be there: `unsupported-by-kernels` if it is not."""
    try:
        return getattr(owner, name)
    except AttributeError:
        cls = owner if isinstance(owner, type) else type(owner)
        raise _gone(f"{cls.__module__}.{cls.__qualname__}.{name}") from None


def _member(module: str, name: str) -> Any:
    """What a module of kernels offers; `unsupported-by-kernels` if it does not."""
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise _gone(f"{module}.{name}") from None


def _variable(module: str, name: str) -> Any:
    """A variable of a module of kernels; None where kernels is not loaded."""
    if "kernels" not in sys.modules:
        return None
    variables = vars(sys.modules.get(module, object))
    if name not in variables:
        raise _gone(f"{module}.{name}")
    return variables[name]


def _gone(name: str) -> LoweringError:
    return lowering_error(
        "unsupported-by-kernels",
        f"kernels {version_of('kernels')} has no {quote(name)}, which is read here",
        f"pip install 'kernels<={NEWEST_TESTED['kernels']}', the newest that was tried, or a newer "
        "kernel-schema",
    )
