"""The modules that merely wrap another one, known by their type."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_schema.model.types import Module

# What torch's own walks read too; not every module keeps it in its `__dict__`.
children_of: Final[attrgetter[Mapping[str, Module | None]]] = attrgetter("_modules")
COMPILED: Final = "torch._dynamo.eval_frame.OptimizedModule"
# Class that wraps -> the attribute under which the wrapped module stands. Classes are compared by
# full name, so that none of these packages need be installed.
_WRAPPED_KEYS: Final = {
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.distributed.fsdp.fully_sharded_data_parallel.FullyShardedDataParallel": (
        "_fsdp_wrapped_module"
    ),
    "torch.distributed.algorithms._checkpoint.checkpoint_wrapper.ActivationWrapper": (
        "_checkpoint_wrapped_module"
    ),
    COMPILED: "_orig_mod",
    "torch.optim.swa_utils.AveragedModel": "module",
    "peft.peft_model.PeftModel": "base_model",
    "peft.mixed_model.PeftMixedModel": "base_model",
    "peft.tuners.tuners_utils.BaseTuner": "model",
}
# fully_shard and replicate swap a module's class for one made of such a mixin and the class it had.
_MIXINS: Final = frozenset(
    {
        "torch.distributed.fsdp.FSDPModule",
        "torch.distributed._composable.replicate.DDP",
        "torch.distributed._composable.replicate_with_fsdp.ReplicateModule",
    }
)


def full_name(cls: type) -> str:
    """Module and name of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def wrapped_key(cls: type) -> str | None:
    """The attribute under which modules of this class hold what they wrap; None for others."""
    names = map(full_name, cls.__mro__)
    return next((_WRAPPED_KEYS[name] for name in names if name in _WRAPPED_KEYS), None)


def own_class(cls: type) -> type:
    """The class as its author wrote it, without what torch mixed in to spread it out."""
    written = [base for base in cls.__bases__ if full_name(base) not in _MIXINS]
    return written[0] if 0 < len(written) < len(cls.__bases__) else cls


def unwrap(model: Module) -> Module:
    """The module inside all wrappers."""
    return _chain(model)[-1]


def is_compiled(model: Module) -> bool:
    """Whether `torch.compile` or `.compile()` was applied to the model or inside its wrappers."""
    return any(
        full_name(type(module)) == COMPILED
        or module.__dict__.get("_compiled_call_impl") is not None
        for module in _chain(model)
    )


def _chain(model: Module) -> list[Module]:
    chain = [model]
    while (key := wrapped_key(type(chain[-1]))) is not None:
        inner = vars(chain[-1])["_modules"].get(key)
        if inner is None:
            break
        chain.append(inner)
    return chain
