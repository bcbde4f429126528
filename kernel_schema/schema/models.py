"""What the models of a config share: how they are made of any input, and what they dump."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import VERSION, BaseModel

from kernel_schema.schema.kinds import is_table, is_tuple
from kernel_schema.schema.problems import fail, problem
from kernel_schema.schema.references import HubRef, LocalRef
from kernel_schema.wording import show

if TYPE_CHECKING:
    from pydantic_core import InitErrorDetails

BUILD_LATER: Final = tuple(map(int, VERSION.split(".")[:2])) >= (2, 14)
"""Whether the parts of a config build validators of their own only when one is asked for: a config
has what it needs of them. Before pydantic 2.14 two threads that ask at once get into trouble.
"""

_Init = TypeVar("_Init", bound=Callable[..., None])
_Model = TypeVar("_Model", bound=BaseModel)


def typed_init(init: _Init) -> _Init:
    """Mark a constructor that only types its arguments: nested data need not go through it."""
    init.__pydantic_base_init__ = True  # pyright: ignore[reportFunctionMemberAccess] (pydantic's own marker)
    return init


def plain(value: Any) -> Any:
    """What a file would hold: dicts, lists, strings and numbers, with the user's sugar.

    >>> from kernel_schema import DeviceMapping, DeviceType
    >>> plain(DeviceMapping({DeviceType.CUDA: HubRef("org/repo", "Layer", version=1)}))
    {'cuda': 'org/repo@v1:Layer'}
    """
    if isinstance(value, (HubRef, LocalRef)):
        return str(value)
    if isinstance(value, BaseModel):
        return value.model_dump()
    if is_table(value):
        return {str(key): plain(item) for key, item in value.items()}
    if is_tuple(value):
        return [plain(item) for item in value]
    return value


def plain_dict(value: Any, what: str) -> dict[Any, Any]:
    """A mapping as a dict of its own; `what` says what else it should have been."""
    if is_table(value):
        return dict(value)
    raise problem("invalid-entry", f"{show(value)} is not {what}")


def finish(title: str, model: _Model | None, errors: list[InitErrorDetails]) -> _Model:
    """The model, or one error of pydantic with all that was found."""
    if errors or model is None:
        raise fail(title, errors)
    return model
