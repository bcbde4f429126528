"""What to say of an argument of the wrong kind: what it is, what is wanted, and what to do."""

from __future__ import annotations

from typing import Any

from kernel_schema.schema.foreign import device_name, is_of, mode_name
from kernel_schema.schema.vocabulary import DEVICE_NAMES, MODE_NAMES
from kernel_schema.typeguards import as_text
from kernel_schema.wording import quote


def wrong_argument(name: str, value: object, wanted: str) -> TypeError:
    """The error for an argument of another kind than is wanted."""
    given, help_text = _described(name, value)
    told = f"`{name}` must be {wanted}, not {given}"
    return TypeError(f"{told}: {help_text}" if help_text else told)


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
        help_text = "build ours of the same mapping: `kernel_schema.KernelConfig(mapping)`"
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
