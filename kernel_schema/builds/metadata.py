"""The `metadata.json` of a build: what kernels needs of it, every mistake in it at once.

Source of the rules: `kernels.Metadata` of kernels 0.17.2, which stops at the first mistake; a
test holds both against each other.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.typeguards import as_text, is_list, is_table
from kernel_schema.wording import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BACKENDS: Final = ("cann", "cpu", "cuda", "metal", "neuron", "rocm", "tpu", "xpu")
"""What `backend.type` may be."""

PYTHON_PACKAGES: Final[dict[str, tuple[str, str | None]]] = {
    "einops": ("einops", "einops"),
    "helion": ("helion", "helion"),
    "nki": ("nki", "nki"),
    "nvidia-cutlass-dsl": ("nvidia-cutlass-dsl", "cutlass"),
    "onednn": ("onednn-devel", None),
    "tvm-ffi": ("apache-tvm-ffi", "tvm_ffi"),
}
"""What `python-depends` may name: the package to install, and the module in it, if it has one.

Source: `python_depends.json` of kernels 0.17.2, which refuses all else.
"""


@dataclass(frozen=True)
class Metadata:
    """What a `metadata.json` says, as far as it is right.

    Args:
        id: Name under which kernels imports the code: one for each kernel of a process.
        name: Name of the kernel, as a Python module.
        archs: GPU architectures that it is compiled for; empty where none is stated.
        cuda: Whether `archs` are those of CUDA.
        python_depends: Python packages that it needs, as kernels names them.
        dirty: Whether it was built from code that no commit has, or by such a builder.
        problems: Everything that is wrong, each in a few words that follow on the file's name.
    """

    id: str | None = None
    name: str | None = None
    archs: tuple[str, ...] = ()
    cuda: bool = False
    python_depends: tuple[str, ...] = ()
    dirty: bool = False
    problems: tuple[str, ...] = ()


def parse_metadata(text: str | None) -> Metadata:
    """What a `metadata.json` says.

    Args:
        text: Its text; None if it is not there or cannot be read.

    >>> parse_metadata('{"name": "Norm", "id": "norm_1", "version": 1}').problems[0]
    'has a `name` that is not lowercase letters, digits and dashes, with a letter first'
    """
    if text is None:
        return Metadata(problems=("is not there, or cannot be read",))
    try:
        values: object = json.loads(text)
    except (ValueError, RecursionError):
        return Metadata(problems=("is not JSON",))
    if not is_table(values):
        return Metadata(problems=("is no JSON object",))
    stated = values.get("backend")
    backend: Mapping[str, Any] = stated if is_table(stated) else {}
    archs, needed = backend.get("archs"), values.get("python-depends")
    name = as_text(values.get("name"))
    return Metadata(
        as_text(values.get("id")),
        name and name.replace("-", "_"),
        tuple(archs) if _is_texts(archs) and is_list(archs) else (),
        backend.get("type") == "cuda",
        tuple(needed) if _is_texts(needed) and is_list(needed) else (),
        _is_dirty(values.get("provenance")),
        (*_problems(values, _FIELDS, ""), *_problems(backend, _BACKEND_FIELDS, "backend.")),
    )


def _is_dirty(provenance: object) -> bool:
    """Whether git had changes that were not committed, of the kernel or of what built it."""
    stated: Mapping[str, Any] = provenance if is_table(provenance) else {}
    sources = (stated.get("kernel"), stated.get("kernel-builder"))
    return any(is_table(git) and git.get("dirty") is True for git in sources)


def _problems(
    values: Mapping[str, Any],
    fields: dict[str, tuple[bool, Callable[[Any], bool], str]],
    where: str,
) -> Iterator[str]:
    if where and not values:
        return
    for field, (required, is_right, wanted) in fields.items():
        if field not in values:
            if required:
                yield f"lacks `{where}{field}`, {wanted}"
        elif not is_right(values[field]) and (required or values[field] is not None):
            yield f"has a `{where}{field}` that is not {wanted}"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return is_list(value) and all(map(_is_text, value))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[a-z][-a-z0-9]*[a-z0-9]", value) is not None


def _is_version(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**64


def _is_minver(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d+\.\d+\.\d+", value) is not None


def _is_backend(value: object) -> bool:
    return is_table(value) and "type" in value


# Whether it must be there, what it may be, and that in words.
_FIELDS: Final[dict[str, tuple[bool, Callable[[Any], bool], str]]] = {
    "name": (True, _is_name, "lowercase letters, digits and dashes, with a letter first"),
    "id": (True, _is_text, "a text"),
    "version": (True, _is_version, "a whole number"),
    "license": (True, _is_text, "a text"),
    "python-depends": (True, _is_texts, "a list of names, empty where it needs none"),
    "backend": (True, _is_backend, 'an object, `{"type": "cpu"}` for example'),
    "kernels-minver": (False, _is_minver, "three numbers with dots, `0.17.0`"),
}
_BACKEND_FIELDS: Final[dict[str, tuple[bool, Callable[[Any], bool], str]]] = {
    "type": (True, lambda value: value in BACKENDS, f"one of {listing(BACKENDS)}"),
    "archs": (False, _is_texts, "a list of texts"),
}
