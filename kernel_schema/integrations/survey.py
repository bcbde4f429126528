"""What this machine and process have, for `kernel-schema env`."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from kernel_schema import __version__
from kernel_schema.checks.environment import (
    MAPPING_DISABLED,
    registration_disabled,
    version_of,
)
from kernel_schema.diagnostics import LoweringError
from kernel_schema.integrations.credentials import without_credentials
from kernel_schema.lowering.upstream import (
    NEWEST_TESTED,
    import_kernels,
    is_mapping_disabled,
)
from kernel_schema.paths import is_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.diagnostics import Diagnostic

# What transformers and huggingface_hub take for "yes"; everything else is "no".
_TRUE: Final = frozenset({"1", "ON", "YES", "TRUE"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that decides what runs.

    Args:
        name: What it is.
        value: What it is set to, or its version; None where there is none.
        effect: What that does.
        fix: What to do where it is in the way; None where it is not.
    """

    name: str
    value: str | None
    effect: str
    fix: str | None = None


def survey() -> tuple[Fact, ...]:
    """Look around; imports torch, kernels and transformers where they are installed.

    Passwords and tokens are hidden, wherever they are.

    >>> [fact.name for fact in survey()][:2]
    ['kernel_schema', 'kernels']
    """
    facts = (
        Fact("kernel_schema", __version__, f"on Python {platform.python_version()}"),
        _kernels(),
        *_torch(),
        _transformers(),
        *_variables(),
    )
    return tuple(map(_shareable, facts))


def _shareable(fact: Fact) -> Fact:
    fields = {name: value and without_credentials(value) for name, value in asdict(fact).items()}
    return Fact(**fields)


def _kernels() -> Fact:
    version = version_of("kernels")
    if version is None:
        effect = "not installed: configs can be checked, and not applied"
        return Fact("kernels", None, effect, _INSTALL)
    try:
        import_kernels()
    except LoweringError as error:
        (cause,) = error.diagnostics
        return _in_the_way("kernels", version, cause)
    return Fact("kernels", version, "can be imported" + _beyond_tested("kernels", version))


def _beyond_tested(name: str, version: str) -> str:
    """What to say of a version that is newer than what the tests have run against.

    >>> _beyond_tested("kernels", "0.17.2"), _beyond_tested("kernels", "0.18.0.dev1")
    ('', '; newer than 0.17.2, the newest that this kernel_schema was tried with')
    """
    tested = NEWEST_TESTED[name]
    if _release(version) <= _release(tested):
        return ""
    return f"; newer than {tested}, the newest that this kernel_schema was tried with"


def _release(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


_INSTALL: Final = "pip install 'kernel-schema[torch]'"
_SEE_ABOVE: Final = "mend what the error names, or install the package anew"


def _torch() -> Iterator[Fact]:
    version = version_of("torch")
    try:
        import torch
    except ModuleNotFoundError as error:
        if version is None or error.name == "torch":
            yield Fact("torch", version, "cannot be imported: there is no such module", _INSTALL)
        else:
            yield Fact("torch", version, f"cannot be imported: {_said(error)}", _SEE_ABOVE)
        return
    except Exception as error:  # noqa: BLE001 (whatever keeps it from being imported is to be told)
        yield Fact("torch", version, f"cannot be imported: {_said(error)}", _SEE_ABOVE)
        return
    backend = "the CPU"
    if torch.version.cuda is not None:
        backend = f"cuda {torch.version.cuda}"
    elif torch.version.hip is not None:
        backend = f"rocm {torch.version.hip}"
    yield Fact("torch", str(torch.__version__), f"built for {backend}")
    capability: Any = None
    effect = "no GPU of cuda or rocm is there: give `--capability` where ranges are in play"
    try:
        if torch.cuda.is_available():
            major, minor = torch.cuda.get_device_capability()
            capability = str(major * 10 + minor)
            effect = f"{torch.cuda.get_device_name()}, {major}.{minor}"
    except Exception as error:  # noqa: BLE001 (a broken driver says so in many ways)
        effect = f"the GPU cannot be asked: {_said(error)}"
    yield Fact("capability", capability, effect)


def _transformers() -> Fact:
    version = version_of("transformers")
    if version is None:
        return Fact("transformers", None, "not installed: needed for its own models only")
    try:
        imports: Any = import_module("transformers.utils.import_utils")
        import_module("transformers.integrations.hub_kernels")
    except Exception as error:  # noqa: BLE001 (as above)
        return Fact("transformers", version, f"cannot be imported: {_said(error)}", _SEE_ABOVE)
    if not imports.is_torch_available():
        effect = "sees no torch that it can use: none of its models can be built"
        return Fact("transformers", version, effect, _INSTALL)
    cause = registration_disabled()
    if cause is None:
        effect = "registers layers, and takes the kernels installed"
        return Fact("transformers", version, effect + _beyond_tested("transformers", version))
    return _in_the_way("transformers", version, cause)


def _variables() -> Iterator[Fact]:
    yield _use_hub_kernels(os.environ.get("USE_HUB_KERNELS"))
    yield _disable_kernel_mapping(os.environ.get("DISABLE_KERNEL_MAPPING"))
    yield _offline(os.environ.get("HF_HUB_OFFLINE"))
    yield _local_kernels(os.environ.get("LOCAL_KERNELS"))
    yield _cache(os.environ.get("KERNELS_CACHE"))
    endpoint = os.environ.get("HF_ENDPOINT")
    effect = "kernels come from there" if endpoint else "kernels come from the Hugging Face Hub"
    yield Fact("HF_ENDPOINT", endpoint, effect)


def _use_hub_kernels(value: str | None) -> Fact:
    name = "USE_HUB_KERNELS"
    if value is None or value.upper() in _TRUE:
        return Fact(name, value, "transformers registers the layers of its models")
    effect = "off: transformers registers no layer of any model"
    return Fact(name, value, effect, f"unset {name}, or set it to 1, before Python starts")


def _disable_kernel_mapping(value: str | None) -> Fact:
    name = "DISABLE_KERNEL_MAPPING"
    fix = f"unset {name}, or set it to 0, before Python starts"
    try:
        int(value or 0)
    except ValueError:
        return Fact(name, value, "not a number: the kernels library cannot be imported", fix)
    if is_mapping_disabled():
        return _in_the_way(name, value, MAPPING_DISABLED)
    return Fact(name, value, "kernels are put in place of forwards")


def _offline(value: str | None) -> Fact:
    name = "HF_HUB_OFFLINE"
    if value is None or value.upper() not in _TRUE:
        return Fact(name, value, "kernels are downloaded where the cache has none")
    effect = "kernels come from the cache only: one that is not there cannot be loaded"
    return Fact(name, value, effect, f"unset {name} to let kernels be downloaded")


def _local_kernels(value: str | None) -> Fact:
    name = "LOCAL_KERNELS"
    if value is None:
        return Fact(name, value, "no repository of the Hub is replaced by a directory")
    # kernels reads it as repository=directory, with colons in between.
    entries = [entry.partition("=") for entry in value.split(":")]
    if not all(equals for _, equals, _ in entries):
        effect = "cannot be read: no kernel of the Hub can be loaded"
        return Fact(name, value, effect, f"write {name}=org/repo=directory, or unset it")
    missing = [path for _, _, path in entries if not is_directory(path)]
    repositories = ", ".join(repository for repository, _, _ in entries)
    effect = f"a directory stands in for {repositories}, whatever version a config names"
    if missing:
        effect += f"; there is no directory {', '.join(missing)}"
    return Fact(name, value, effect, f"unset {name} to run what the config says")


def _cache(value: str | None) -> Fact:
    if not value:
        return Fact("KERNELS_CACHE", value, "kernels are kept in the cache of huggingface_hub")
    return Fact("KERNELS_CACHE", value, "kernels are kept there")


def _in_the_way(name: str, value: str | None, cause: Diagnostic) -> Fact:
    return Fact(name, value, cause.message, cause.help)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
