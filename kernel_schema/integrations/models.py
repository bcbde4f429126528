"""From a model spec on a command line to a model, without weights wherever that can be."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack, contextmanager, redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kernel_schema.integrations.specs import ModelSpecError, explained, imported
from kernel_schema.paths import exists, home_path, is_directory, is_file, names_a_user
from kernel_schema.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import ModuleType

    from kernel_schema.model.types import Module

_ATTRIBUTE = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_][\w.]*)")
_FORMS: Final = (
    "a model is `module:attribute`, a directory with a config.json, or the id of a model on the Hub"
)
_TORCH: Final = "torch", "kernel-schema[torch]"


def build_model(spec: str, *, trust_remote_code: bool = False, weights: bool = False) -> Module:
    """Build the model that a spec names, or say in a `ModelSpecError` why not.

    A spec is `module:attribute` (a `torch.nn.Module`, or something to call without arguments that
    gives one; a module that is not found otherwise is looked for in the working directory), or what
    `build_pretrained` takes; with `weights` one of transformers has numbers to run with.
    """
    if _ATTRIBUTE.fullmatch(spec) is not None and not exists(spec):
        if find_spec("torch") is None:
            # Said now: later on, the working directory would be looked at for one.
            imported(*_TORCH)
        return load_attribute(spec, _is_model, "a torch.nn.Module")
    # What users' modules and libraries print must not end up in our own output.
    with redirect_stdout(sys.stderr):
        if not spec or ":" in spec:
            raise ModelSpecError(f"{quote(spec)} is not a model: {_FORMS}")
        where = _directory_or_id(spec)
        from kernel_schema.integrations.pretrained import build_pretrained

        return build_pretrained(where, trust_remote_code=trust_remote_code, weights=weights)


def has_drawn_weights(spec: str) -> bool:
    """Whether `build_model` draws the weights of a model that is to have some."""
    if _ATTRIBUTE.fullmatch(spec) is not None and not exists(spec):
        return False
    from kernel_schema.integrations.pretrained import has_weights

    return not has_weights(str(home_path(spec)))


def _is_model(value: Any) -> bool:
    return isinstance(value, imported(*_TORCH).nn.Module)


def load_attribute(spec: str, is_wanted: Callable[[Any], bool], wanted: str) -> Any:
    """The value of `module:attribute`, or what it gives when called, whichever is wanted.

    Raises a `ModelSpecError` that says why there is none; what its code prints goes to standard
    error.
    """
    match = _ATTRIBUTE.fullmatch(spec)
    if match is None:
        raise ModelSpecError(f"{quote(spec)} is not `module:attribute`")
    module_name, name = match.groups()
    with redirect_stdout(sys.stderr), ExitStack() as stack:
        with explained("it cannot be imported"):
            value: Any = _module(module_name, stack)
        with explained(f"{getattr(value, '__file__', module_name)} does not have it"):
            for part in name.split("."):
                value = getattr(value, part)
        if is_wanted(value):
            return value
        if not callable(value):
            raise ModelSpecError(f"{quote(name)} is neither {wanted} nor something that gives one")
        with explained(f"calling {quote(name)} without arguments failed"):
            value = value()
    if not is_wanted(value):
        raise ModelSpecError(f"{quote(name)} gave {quote(type(value).__name__)}, not {wanted}")
    return value


def _module(name: str, stack: ExitStack) -> ModuleType:
    """Import a module; one that is not found otherwise, with the working directory importable."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # one that it imports
    stack.enter_context(_importable(str(Path.cwd())))
    return import_module(name)


@contextmanager
def _importable(folder: str) -> Generator[None]:
    """Import from a folder too, what no other has: a `torch.py` in it must not come first."""
    sys.path.append(folder)
    try:
        yield
    finally:
        # This very entry: an equal one is somebody else's.
        sys.path[:] = [entry for entry in sys.path if entry is not folder]


def _directory_or_id(spec: str) -> str:
    if names_a_user(spec):
        raise ModelSpecError(
            "the home directory of another user is not looked up: write the folder out"
        )
    path = home_path(spec)
    if not is_directory(path) and is_file(path.with_suffix(".py")):
        # Neither a directory nor meant for the Hub, which would be asked for half a minute.
        name = Path(path.name) if path.is_absolute() else path
        example = ".".join(name.with_suffix("").parts)
        raise ModelSpecError(
            f"this is a Python module: name the model in it, as in {quote(f'{example}:model')}"
        )
    if not exists(path) and spec.startswith((".", "/", "~")):
        raise ModelSpecError("there is no such directory")
    if is_directory(path) and not is_file(path / "config.json"):
        raise ModelSpecError("there is no config.json in it")
    return str(path) if exists(path) else spec
