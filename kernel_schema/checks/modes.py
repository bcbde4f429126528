"""Which modes a kernel serves, by the flags of its class, and in words why it is passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_schema.choice.situation import Situation
    from kernel_schema.codes import Code

FLAGS: Final[tuple[tuple[str, str, Code, str], ...]] = (
    ("has_backward", "training", "kernel-without-backward", "has no backward"),
    (
        "can_torch_compile",
        "torch_compile",
        "kernel-without-compile",
        "does not say that it works under torch.compile",
    ),
)
"""Flag, the part of a mode that asks for it, the code where it is lacking, and that in words."""


def mode_name(situation: Situation) -> str:
    """How the model runs, as far as that is known."""
    stated = situation.stated_mode if situation.target is None else situation.target.mode
    if stated is not None:
        return stated.value
    if situation.layers is None:
        return ""
    mode = "training" if situation.layers.training else "inference"
    return f"{mode}_torch_compile" if situation.layers.compiled else mode


def passed_over(kernel: object, mode: str, lacking: Iterable[str]) -> str:
    """Why kernels passed over a kernel, in words."""
    return f"{kernel} does not serve `{mode}`: it {' and '.join(lacking)}"


def lacking_for(mode: str, cls: object) -> list[str]:
    """What the class of a kernel that is loaded lacks for a mode, in words."""
    defaults = {"has_backward": True, "can_torch_compile": False}
    return [
        what
        for flag, part, _, what in FLAGS
        if part in mode and not getattr(cls, flag, defaults[flag])
    ]
