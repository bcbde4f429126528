"""What this machine and process have, for `kernel-schema env`."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import astuple, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kernel_schema import __version__
from kernel_schema.builds.cache import cache_folder
from kernel_schema.checks.environment import (
    DISABLE_HELP,
    MAPPING_DISABLED,
    TRUE_WORDS,
    registration_disabled,
    version_of,
)
from kernel_schema.diagnostics import LoweringError, PolicyError
from kernel_schema.lowering.upstream import NEWEST_TESTED, import_kernels, is_mapping_disabled
from kernel_schema.paths import is_directory
from kernel_schema.policies.in_force import VARIABLE, policies_in_force
from kernel_schema.wording import in_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_schema.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that decides what runs, what that does, and what to do where it is in the way."""

    name: str
    value: str | None
    effect: str
    fix: str | None = None


def survey() -> tuple[Fact, ...]:
    """Look around, without passwords and tokens; imports torch, kernels and transformers."""
    facts = (
        Fact("kernel_schema", __version__, f"on Python {platform.python_version()}"),
        _kernels(),
        *_torch(),
        _transformers(),
        *_variables(),
    )
    return tuple(Fact(*map(_shareable, astuple(fact))) for fact in facts)


def _shareable(text: str | None) -> Any:
    return text and without_credentials(text)


def _kernels() -> Fact:
    version = version_of("kernels")
    if version is None:
        effect = "not installed: configs can be checked, and not applied"
        return Fact("kernels", None, effect, _INSTALL)
    try:
        import_kernels()
    except LoweringError as error:
        return _in_the_way("kernels", version, error.diagnostics[0])
    return Fact("kernels", version, "can be imported" + _beyond_tested("kernels", version))


def _beyond_tested(name: str, version: str) -> str:
    """What to say of a version that is newer than what the tests have run against.

    >>> _beyond_tested("kernels", "0.17.2"), _beyond_tested("kernels", "0.18.0.dev1")
    ('', '; newer than 0.17.2, the newest that this kernel_schema was tried with')
    """
    tested = NEWEST_TESTED[name]
    release, newest = (list(map(int, re.findall(r"\d+", each)[:3])) for each in (version, tested))
    if release <= newest:
        return ""
    return f"; newer than {tested}, the newest that this kernel_schema was tried with"


_INSTALL: Final = "pip install 'kernel-schema[torch]'"
_SEE_ABOVE: Final = "mend what the error names, or install the package anew"


def _torch() -> Iterator[Fact]:
    version = version_of("torch")
    try:
        import torch
    except Exception as error:  # noqa: BLE001 (whatever keeps it from being imported is to be told)
        why, fix = in_one_line(error), _SEE_ABOVE
        if isinstance(error, ModuleNotFoundError) and (version is None or error.name == "torch"):
            why, fix = "there is no such module", _INSTALL
        yield Fact("torch", version, f"cannot be imported: {why}", fix)
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
        effect = f"the GPU cannot be asked: {in_one_line(error)}"
    yield Fact("capability", capability, effect)


def _transformers() -> Fact:
    version = version_of("transformers")
    if version is None:
        return Fact("transformers", None, "not installed: needed for its own models only")
    try:
        imports: Any = import_module("transformers.utils.import_utils")
        import_module("transformers.integrations.hub_kernels")
    except Exception as error:  # noqa: BLE001 (as above)
        return Fact(
            "transformers", version, f"cannot be imported: {in_one_line(error)}", _SEE_ABOVE
        )
    if not imports.is_torch_available():
        effect = "sees no torch that it can use: none of its models can be built"
        return Fact("transformers", version, effect, _INSTALL)
    cause = registration_disabled()
    if cause is None:
        effect = "registers layers, and takes the kernels installed"
        return Fact("transformers", version, effect + _beyond_tested("transformers", version))
    return _in_the_way("transformers", version, cause)


def _variables() -> Iterator[Fact]:
    for name, tell in (
        ("USE_HUB_KERNELS", _use_hub_kernels),
        ("DISABLE_KERNEL_MAPPING", _disable_kernel_mapping),
        ("HF_HUB_OFFLINE", _offline),
        ("LOCAL_KERNELS", _local_kernels),
        ("KERNELS_CACHE", _cache),
        ("HF_ENDPOINT", _endpoint),
        (VARIABLE, _policy),
    ):
        value = os.environ.get(name)
        effect, fix = tell(value)
        yield Fact(name, value, effect, fix)


_Told: TypeAlias = tuple[str, str | None]
"""The effect of a variable, and what to do where it is in the way."""


def _use_hub_kernels(value: str | None) -> _Told:
    if value is None or value.upper() in TRUE_WORDS:
        return "transformers registers the layers of its models", None
    return (
        "off: transformers registers no layer of any model",
        "unset USE_HUB_KERNELS, or set it to 1, before Python starts",
    )


def _disable_kernel_mapping(value: str | None) -> _Told:
    try:
        int(value or 0)
    except ValueError:
        return "not a number: the kernels library cannot be imported", DISABLE_HELP
    if is_mapping_disabled():
        return MAPPING_DISABLED.message, MAPPING_DISABLED.help
    return "kernels are put in place of forwards", None


def _offline(value: str | None) -> _Told:
    if value is None or value.upper() not in TRUE_WORDS:
        return "kernels are downloaded where the cache has none", None
    effect = "kernels come from the cache only: one that is not there cannot be loaded"
    return effect, "unset HF_HUB_OFFLINE to let kernels be downloaded"


def _local_kernels(value: str | None) -> _Told:
    if value is None:
        return "no repository of the Hub is replaced by a directory", None
    # kernels reads it as repository=directory, with colons in between.
    entries = [entry.partition("=") for entry in value.split(":")]
    if not all(equals for _, equals, _ in entries):
        fix = "write LOCAL_KERNELS=org/repo=directory, or unset it"
        return "cannot be read: no kernel of the Hub can be loaded", fix
    missing = [path for _, _, path in entries if not is_directory(path)]
    repositories = ", ".join(repository for repository, _, _ in entries)
    effect = f"a directory stands in for {repositories}, whatever version a config names"
    if missing:
        effect += f"; there is no directory {', '.join(missing)}"
    return effect, "unset LOCAL_KERNELS to run what the config says"


def _cache(value: str | None) -> _Told:
    folder = cache_folder()
    if folder is None:
        return "no home and no working directory tell where kernels are kept", "set KERNELS_CACHE"
    whose = "" if value else ", the cache of huggingface_hub"
    there = "" if is_directory(folder) else "; nothing is there yet"
    return f"kernels are kept in {folder}{whose}{there}", None


def _endpoint(value: str | None) -> _Told:
    return "kernels come from there" if value else "kernels come from the Hugging Face Hub", None


def _policy(value: str | None) -> _Told:
    if value is None:
        return "no policy says which kernels may run", None
    try:
        policies_in_force()
    except PolicyError as error:
        found = error.diagnostics[0]
        what = f"cannot be read ({found.message}): nothing is checked, fetched or put in place"
        return what, f"mend what `kernel-schema check --policy {value}` tells"
    return "says which kernels may run: nothing else is fetched or put in place", None


def _in_the_way(name: str, value: str | None, cause: Diagnostic) -> Fact:
    return Fact(name, value, cause.message, cause.help)


# What must not be shown of a text: passwords and tokens.
_HIDDEN: Final = "***"
# Before a host: all up to the last `@` of the authority. A password may hold `/` and `?`, which
# only a port number keeps from being one.
_IN_URL: Final = re.compile(r"(?<=://)(?:[^\s/?#]*|[^\s/?#:]*:(?!\d*(?:[/?#]|$))\S*)@")
_WITHOUT_SCHEME: Final = re.compile(r"(?<![^\s\"'`=,;])[^\s/:@=,;]+:[^\s/@]+@(?=[\w.-]+(?::\d+)?)")
_IN_QUERY: Final = re.compile(
    r"([?&;#][\w.-]*(?:auth|credential|key|passw|pwd|secret|sig|token)[\w.-]*=)[^&;#\s]+",
    re.IGNORECASE,
)
# The form of the Hub's own tokens.
_TOKEN: Final = re.compile(r"\bhf_\w{8,}")
_TOKEN_VARIABLES: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN")


def without_credentials(text: str) -> str:
    """A text with what gives access to something replaced by `***`.

    >>> without_credentials("https://me:secret@hub.example.org/api?rev=1&token=abc")
    'https://***@hub.example.org/api?rev=1&token=***'
    """
    for name in _TOKEN_VARIABLES:
        if token := os.environ.get(name, "").strip():
            text = text.replace(token, _HIDDEN)
    for pattern in (_IN_URL, _WITHOUT_SCHEME):
        text = pattern.sub(f"{_HIDDEN}@", text)
    text = _IN_QUERY.sub(rf"\g<1>{_HIDDEN}", text)
    return _TOKEN.sub(_HIDDEN, text)
