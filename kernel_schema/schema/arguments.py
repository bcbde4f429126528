"""What is handed over in Python: objects of other libraries, and arguments of the wrong kind.

Objects are told by the names of their classes: no library is imported, and no object asked for its
text, since a repository of kernels would ask the network for it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kernel_schema.diagnostics import Route
from kernel_schema.routes import RouteError
from kernel_schema.schema.problems import Problem
from kernel_schema.schema.references import is_local
from kernel_schema.schema.vocabulary import DEVICE_NAMES, MODE_NAMES
from kernel_schema.typeguards import as_text, is_list, is_tuple
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_schema.routes import Step

At: TypeAlias = "str | Route | Sequence[Step]"
"""Where a config stands in a file: `trainer.kernels`, `stages[0].kernels`, or the steps of it."""


def is_of(value: object, package: str, *names: str) -> bool:
    """Whether the class of a value, or one that it derives from, is one of a package."""
    return any(
        cls.__name__ in names and str(cls.__module__).partition(".")[0] == package
        for cls in type(value).__mro__
    )


def mode_name(mode: Any) -> str | None:
    """The name of a `kernels.Mode`, as ours are formed; None for any other value."""
    if not is_of(mode, "kernels", "Mode"):
        return None
    # Flag members print as `Mode.TORCH_COMPILE|TRAINING`, in an order of their own.
    parts = str(mode).replace("Mode.", "").lower().split("|")
    return "_".join(sorted(parts, key="torch_compile".__eq__))


_PLAIN: Final = frozenset((str,))


def plain_keys(table: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """A table with our names for keys that are a `kernels.Mode`, or a `Device` without properties.

    One whose name is there already stays as it is: `key_problem` says so.
    """
    if {*map(type, table)} <= _PLAIN:  # of nearly every table, and fast
        return table
    named: dict[Any, Any] = {}
    for key, value in table.items():
        name = plain_key(key)
        named[key if name in named or name in table else name] = value
    return named


def plain_key(key: Any) -> Any:
    """A key by our name, where it is a `kernels.Mode`, or a `Device` without properties."""
    return key if type(key) is str else mode_name(key) or device_name(key) or key


def device_name(device: Any) -> str | None:
    """The type of a `kernels.Device` without properties; None for any other value."""
    plain = is_of(device, "kernels", "Device") and device.properties is None
    return as_text(device.type) if plain else None


def key_problem(key: Any) -> Problem | None:
    """For a key that is a `kernels.Mode` or `Device` still, once a table has `plain_keys`."""
    name = mode_name(key) or device_name(key)
    if name is not None:
        message = f"the key {quote(name)} is here twice, once as an object of kernels"
        return Problem("duplicate-key", message, "remove one of the two", at_key=True)
    if not is_of(key, "kernels", "Device"):
        return None
    low, high = key.properties.min_capability, key.properties.max_capability
    entry = f"min_capability: {low}, " if low > 0 else ""
    entry += f"max_capability: {high}, " if high < sys.maxsize else ""
    message = f"a `Device` of {quote(key.type)} with properties bounds a range as a key"
    help_text = f"write the device as a list: {quote(f'{key.type}: [{{{entry}kernel: ...}}]')}"
    return Problem("misplaced-capability", message, help_text, at_key=True)


def fusion_problem(layers: tuple[Any, ...] = ()) -> Problem:
    """For layers in one kernel: a tuple, to transformers, of names, or of names and patterns."""
    firsts = [item[0] if is_tuple(item) and item else item for item in layers]
    named = [layer for layer in firsts if isinstance(layer, str)]
    message = (
        "layers cannot be fused into one kernel: transformers changes classes for the whole "
        "process to do so, and leaves them changed where it fails"
    )
    help_text = "give each layer a kernel of its own"
    if named:
        help_text += f": {listing(named, 'and')}"
    return Problem("fusion-not-supported", message, help_text, at_key=True)


def repository_problem(value: Any) -> Problem | None:
    """For a repository object of kernels where a reference belongs; None for any other value."""
    if not is_of(value, "kernels", *_REPOSITORIES):
        return None
    kind = quote(type(value).__name__)
    message = f"a {kind} of kernels cannot stand here: a kernel is written as text"
    spelling = quote(_spelling(value.__dict__), longest=_LONGEST)
    return Problem("invalid-kernel-reference", message, f"write {spelling}")


_LONGEST: Final = 1000  # of a spelling, which is there to be copied
_REPOSITORIES: Final = tuple(
    f"{where}{what}Repository" for what in ("Layer", "Func") for where in ("", "Local", "Locked")
)


def _spelling(state: dict[str, Any]) -> str:
    """How a config states a repository, by its attributes; kernels has no public ones for most."""
    layer_name = state.get("layer_name", state.get("func_name", "layer_name"))
    if "_repo_path" in state:
        local = str(state["_repo_path"])
        return f'"{local if is_local(local) else f"./{local}"}:{layer_name}"'
    version, revision = state.get("_version"), state.get("_revision")
    pin = "" if version is None else f"@v{version}"
    pin = pin if revision is None else f"@{revision}"
    reference = f'"{state.get("_repo_id", "org/repo")}{pin}:{layer_name}"'
    options: dict[str, str] = {}
    if state.get("_lockfile") is not None:
        options["lockfile"] = f'"{state["_lockfile"]}"'
    if trust := state.get("_trust_remote_code"):
        options["trust_remote_code"] = repr(trust).replace("'", '"')
    stated = "".join(f', "{option}": {text}' for option, text in options.items())
    return f'{{"kernel": {reference}{stated}}}' if stated else reference


def wrong_argument(name: str, value: object, wanted: str) -> TypeError:
    """The error for an argument of another kind than is wanted."""
    given, help_text = _described(name, value)
    told = f"`{name}` must be {wanted}, not {given}"
    return TypeError(f"{told}: {help_text}" if help_text else told)


def stated_route(at: At) -> Route:
    """The route that an argument `at` states.

    Raises:
        RouteError: A ValueError, if it is a text that is no route, or a position is below 0.
        TypeError: If it is something else.

    >>> stated_route("stages[0].kernels") == stated_route(["stages", 0, "kernels"])
    True
    """
    if isinstance(at, str):
        return Route.parse(at)
    steps: object = at.steps if isinstance(at, Route) else at
    if not (is_list(steps) or is_tuple(steps)) or {*map(type, steps)} - {str, int}:
        wanted = "a route, `trainer.kernels`, or a list of keys and positions"
        raise wrong_argument("at", at, wanted)
    if any(isinstance(step, int) and step < 0 for step in steps):
        raise RouteError("positions in a list count from 0")
    return Route(tuple(steps))


def need_module(model: object) -> None:
    """Raise a TypeError that says what was given, if it is no `torch.nn.Module`."""
    if not _is_module(model):
        raise wrong_argument("model", model, "a `torch.nn.Module`")


def refuse_swapped(config: object, model: object) -> None:
    """Raise a TypeError where the model stands for the config, and something else for the model."""
    if (_is_module(config) or _holds_model(config)) and not _is_module(model):
        given = [_described("config", value)[0] for value in (config, model)]
        raise TypeError(
            f"`config` is {given[0]} and `model` is {given[1]}: they are swapped; exchange them, "
            "or pass them by name"
        )


def _is_module(value: object) -> bool:
    return is_of(value, "torch", "Module")


def _holds_model(value: object) -> bool:
    """Whether it is what a pipeline or a trainer is: an object with a model of its own."""
    return _is_module(getattr(value, "__dict__", {}).get("model"))


def _described(name: str, value: object) -> tuple[str, str | None]:
    """What a value is, and what to do where it stands for the argument of a name."""
    kind = quote(type(value).__name__)
    if value is None:
        return "None", None
    if isinstance(value, type):
        return f"the class {quote(value.__name__)}", "pass an instance of it"
    if _is_module(value):
        return f"a model, {kind}", None
    if is_of(value, "transformers", "KernelConfig"):
        help_text = "make ours of it with `kernel_schema.from_transformers`"
        return "a `KernelConfig` of transformers", None if name == "model" else help_text
    if name == "model":
        if _holds_model(value):
            return f"a {kind}, which holds a model", "pass that, its `.model`"
        if target := _target(value):
            return target
    if isinstance(value, str):
        return f"the text {quote(value)}", "load the model first" if name == "model" else None
    own = str(type(value).__module__).startswith("kernel_schema.")
    return (f"a {kind} of kernel_schema" if own else f"a value of class {kind}"), None


def _target(value: Any) -> tuple[str, str] | None:
    """A device or a mode where a model belongs."""
    word = mode_name(value) or device_name(value) or as_text(value)
    if word is None and is_of(value, "torch", "device"):
        word = as_text(value.type)
    for kind, names in (("mode", MODE_NAMES), ("device", DEVICE_NAMES)):
        if word is not None and word.partition(":")[0] in names:
            return f"a {kind}, {quote(word)}", f'pass it by name: `{kind}="{word}"`'
    return None
