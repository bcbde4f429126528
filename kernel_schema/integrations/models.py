"""From a model spec on a command line to a model, without weights wherever that can be."""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.paths import exists, is_directory, is_file, size_of
from kernel_schema.schema.anchors import home_path, names_a_user
from kernel_schema.wording import printable, quote

if TYPE_CHECKING:
    from collections.abc import Generator

    from kernel_schema.lowering.types import Module

_ATTRIBUTE = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_][\w.]*)")
_MAX_CONFIG_BYTES: Final = 10_000_000
_FORMS: Final = (
    "a model is `module:attribute`, a directory with a config.json, or the id of a model on the Hub"
)


class ModelSpecError(ValueError):
    """A model spec from which no model can be had."""

    def __str__(self) -> str:
        return printable(super().__str__())


def build_model(spec: str) -> Module:
    """Build the model that a spec names.

    Args:
        spec: `module:attribute` (a `torch.nn.Module`, or something to call without arguments that
            gives one; the working directory is importable), or a directory or Hub id that
            transformers' `AutoConfig` understands. The latter is built on the meta device: neither
            weights nor memory are needed.

    Raises:
        ModelSpecError: If it cannot be imported or built, saying why.
    """
    # What users' modules and libraries print must not end up in our own output.
    with redirect_stdout(sys.stderr):
        match = _ATTRIBUTE.fullmatch(spec)
        if match is not None and not exists(spec):
            return _from_attribute(match["module"], match["name"])
        if not spec or ":" in spec:
            message = f"{quote(spec)} is not a model: {_FORMS}"
            raise ModelSpecError(message)
        return _from_config(spec)


def _from_attribute(module_name: str, name: str) -> Module:
    here = os.getcwd()  # noqa: PTH109 (import paths are strings)
    if here not in sys.path:
        sys.path.insert(0, here)
    with _explained("it cannot be imported"):
        found: Any = import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    nn = _imported("torch", "kernel-schema[torch]").nn
    if not isinstance(found, nn.Module):
        if not callable(found):
            message = f"{quote(name)} is neither a torch.nn.Module nor something that gives one"
            raise ModelSpecError(message)
        with _explained(f"calling {quote(name)} without arguments failed"):
            found = found()
    if not isinstance(found, nn.Module):
        message = f"{quote(name)} gave {quote(type(found).__name__)}, not a torch.nn.Module"
        raise ModelSpecError(message)
    return found


def _from_config(spec: str) -> Module:
    if names_a_user(spec):
        message = "the home directory of another user is not looked up: write the folder out"
        raise ModelSpecError(message)
    path = home_path(spec)
    if not is_directory(path) and is_file(path.with_suffix(".py")):
        # Neither a directory nor meant for the Hub, which would be asked for half a minute.
        name = Path(path.name) if path.is_absolute() else path
        example = ".".join(name.with_suffix("").parts)
        message = (
            f"this is a Python module: name the model in it, as in {quote(f'{example}:model')}"
        )
        raise ModelSpecError(message)
    if not exists(path) and spec.startswith((".", "/", "~")):
        message = "there is no such directory"
        raise ModelSpecError(message)
    if is_directory(path) and not is_file(path / "config.json"):
        message = "there is no config.json in it"
        raise ModelSpecError(message)
    if size_of(path / "config.json") > _MAX_CONFIG_BYTES:
        message = f"its config.json is larger than {_MAX_CONFIG_BYTES} bytes"
        raise ModelSpecError(message)
    torch = _imported("torch", "kernel-schema[torch]")
    transformers = _imported("transformers", "kernel-schema[transformers]")
    with _explained("transformers cannot build it"):
        config = transformers.AutoConfig.from_pretrained(str(path) if exists(path) else spec)
        names: list[str] = getattr(config, "architectures", None) or []
        known = (getattr(transformers, name, None) for name in names)
        architecture: Any = next((cls for cls in known if cls is not None), None)
        build = transformers.AutoModel.from_config if architecture is None else architecture
        with torch.device("meta"):
            # As `from_pretrained` gives it.
            return build(config).eval()


@contextmanager
def _explained(what: str) -> Generator[None]:
    """Turn whatever goes wrong in code that is not ours into a reason, an exit included."""
    try:
        yield
    except (Exception, SystemExit) as error:
        message = f"{what}: {_said(error)}"
        raise ModelSpecError(message) from error


def _imported(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except Exception as error:
        message = f"{name} is needed for it: {_said(error)}: pip install '{extra}'"
        raise ModelSpecError(message) from error


def _said(error: BaseException) -> str:
    """What an exception says, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
