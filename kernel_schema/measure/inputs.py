"""What the model is run on: as the caller states it, or token ids that are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from kernel_schema.model.wrappers import unwrap
from kernel_schema.schema.arguments import wrong_argument
from kernel_schema.typeguards import is_table, is_tuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.model.types import Module

Inputs: TypeAlias = "Any | tuple[Any, ...] | Mapping[str, Any] | Callable[[], Any]"
"""A tensor, a tuple of arguments, a dict of keyword arguments, or a callable that gives one."""

FORMS: Final = "a tensor, a tuple of arguments, a dict of keyword arguments, or a callable for one"
_BATCH: Final = 1
_TOKENS: Final = 128
_SEED: Final = 0


class ModelInputs(NamedTuple):
    """The arguments of the model's forward, and what they are, in words."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    described: str


def model_inputs(model: Module, inputs: Inputs | None) -> ModelInputs:
    """The arguments that a caller means; tensors of the CPU go where the model is.

    Raises:
        TypeError: If they are none of what is taken, or left out where none can be drawn.
    """
    # Imported here: whoever hands over a model has loaded it.
    import torch

    from kernel_schema.measure.runs.nested import replaced, tensors_in

    drawn = None
    if inputs is None:
        drawn = drawn_inputs(model)
        if drawn is None:
            raise wrong_argument(
                "inputs",
                inputs,
                f"{FORMS}: only a transformers model with a vocabulary can do without",
            )
        inputs = drawn[0]
    elif callable(inputs):
        inputs = inputs()
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    if isinstance(inputs, torch.Tensor):
        args = (inputs,)
    elif is_tuple(inputs):
        args = inputs
    elif is_table(inputs):
        kwargs = dict(inputs)
    else:
        raise wrong_argument("inputs", inputs, FORMS)
    devices = {tensor.device for tensor in model.parameters()}
    if len(devices) == 1:
        (device,) = devices

        def moved(tensor: Any) -> Any:
            return tensor.to(device) if tensor.device.type == "cpu" else tensor

        args, kwargs = replaced((args, kwargs), moved)
    if drawn is not None:
        return ModelInputs(args, kwargs, drawn[1])
    from kernel_schema.measure.runs.differences import tensor_text

    shown = ", ".join(map(tensor_text, tensors_in((args, kwargs))[:4]))
    return ModelInputs(args, kwargs, shown or "no tensors")


def is_inputs(value: Any) -> bool:
    """Whether a value is what a model is run on, and nothing that gives it when called."""
    import torch

    return isinstance(value, torch.Tensor | tuple | Mapping)


def drawn_inputs(model: Module) -> tuple[dict[str, Any], str] | None:
    """Random token ids of the vocabulary of a transformers model, the same ones each time.

    None for a model that takes no token ids.
    """
    import torch

    inner: Any = unwrap(model)
    config = getattr(inner, "config", None)
    name = getattr(inner, "main_input_name", None)
    if config is None or name != "input_ids" or not hasattr(config, "get_text_config"):
        return None
    text = config.get_text_config()
    vocabulary = getattr(text, "vocab_size", None)
    if not isinstance(vocabulary, int):
        return None
    longest = getattr(text, "max_position_embeddings", None)
    tokens = min(_TOKENS, longest) if isinstance(longest, int) and longest > 0 else _TOKENS
    generator = torch.Generator().manual_seed(_SEED)
    ids = torch.randint(vocabulary, (_BATCH, tokens), generator=generator)
    drawn = {name: ids}
    if getattr(config, "is_encoder_decoder", False):
        drawn["decoder_input_ids"] = ids
    return drawn, f"random token ids, {_BATCH} x {tokens}, seed {_SEED}"
