"""From a model spec on a command line to a model, without weights wherever that can be."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.wording import quote

if TYPE_CHECKING:
    from kernel_schema.lowering.types import Module

_ATTRIBUTE = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_][\w.]*)")
_FORMS: Final = (
    "a model is `module:attribute`, a directory with a config.json, or the id of a model on the Hub"
)


class ModelSpecError(ValueError):
    """A model spec from which no model can be had."""


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
    match = _ATTRIBUTE.fullmatch(spec)
    if match is not None and not Path(spec).exists():
        return _from_attribute(match["module"], match["name"])
    if not spec or ":" in spec:
        message = f"{quote(spec)} is not a model: {_FORMS}"
        raise ModelSpecError(message)
    return _from_config(spec)


def _from_attribute(module_name: str, name: str) -> Module:
    here = os.getcwd()  # noqa: PTH109 (import paths are strings)
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        message = f"it cannot be imported: {_said(error)}"
        raise ModelSpecError(message) from error
    nn = _torch().nn
    if not isinstance(found, nn.Module):
        if not callable(found):
            message = f"{quote(name)} is neither a torch.nn.Module nor something that gives one"
            raise ModelSpecError(message)
        try:
            found = found()
        except Exception as error:
            message = f"calling {quote(name)} without arguments failed: {_said(error)}"
            raise ModelSpecError(message) from error
    if not isinstance(found, nn.Module):
        message = f"{quote(name)} gave {quote(type(found).__name__)}, not a torch.nn.Module"
        raise ModelSpecError(message)
    return found


def _from_config(spec: str) -> Module:
    torch = _torch()
    try:
        import transformers
    except ImportError as error:
        message = f"transformers is needed for it: {_said(error)}: {_INSTALL}"
        raise ModelSpecError(message) from error
    if not Path(spec).exists() and spec.startswith((".", "/", "~")):
        message = "there is no such directory"
        raise ModelSpecError(message)
    try:
        config: Any = transformers.AutoConfig.from_pretrained(spec)
        names: list[str] = getattr(config, "architectures", None) or []
        known = (getattr(transformers, name, None) for name in names)
        architecture: Any = next((cls for cls in known if cls is not None), None)
        with torch.device("meta"):
            if architecture is not None:
                return architecture(config)
            return transformers.AutoModel.from_config(config)
    except Exception as error:
        message = f"transformers cannot build it: {_said(error)}"
        raise ModelSpecError(message) from error


_INSTALL: Final = "pip install 'kernel-schema[transformers]'"


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        message = f"torch is needed for it: {_said(error)}: pip install 'kernel-schema[torch]'"
        raise ModelSpecError(message) from error
    return torch


def _said(error: Exception) -> str:
    """What an exception says, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
