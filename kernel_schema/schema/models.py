"""What the models of a config share: how they are made of any input, and what they dump."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pydantic import VERSION, BaseModel, ValidationError

from kernel_schema.limits import MAX_PROBLEMS
from kernel_schema.schema.kinds import is_table, is_tuple
from kernel_schema.schema.natives import spec_key
from kernel_schema.schema.problems import details, each, fail, problem
from kernel_schema.schema.references import HubRef, LocalRef
from kernel_schema.wording import show

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler, ValidatorFunctionWrapHandler
    from pydantic_core import CoreSchema, InitErrorDetails

BUILD_LATER: Final = tuple(map(int, VERSION.split(".")[:2])) >= (2, 14)
"""Whether the parts of a config build validators of their own only when one is asked for: a config
has what it needs of them. Before pydantic 2.14 two threads that ask at once get into trouble.
"""

_Init = TypeVar("_Init", bound=Callable[..., None])
_Model = TypeVar("_Model", bound=BaseModel)


class WrittenInFiles:
    """What our models have in common: pydantic's JSON Schema of one is that of a file."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> dict[str, Any]:
        # Imported here: checking a file must not pay for it. What the validators take cannot be
        # derived from `core_schema`: they are plain functions.
        from kernel_schema.json_schemas.embedded import embedded

        del core_schema
        return embedded(cast("type[BaseModel]", cls), handler)


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


def without_surplus(table: dict[Any, Any], known: tuple[str, ...]) -> dict[Any, Any]:
    """A table with its known keys, and so many others that their number is reported as too large.

    >>> len(without_surplus(dict.fromkeys(range(9000)), ("kernel",)))
    1001
    """
    if len(table) <= MAX_PROBLEMS:
        return table
    others = islice((key for key in table if key not in known), MAX_PROBLEMS + 1)
    return {key: table[key] for key in (*known, *others) if key in table}


def ranges_one_by_one(
    ranges: Iterable[Any], validate: ValidatorFunctionWrapHandler
) -> tuple[Any, ...]:
    """Validate a list of capability ranges, until there are too many problems."""
    made: list[Any] = []

    def add(item: tuple[int, Any]) -> None:
        place, entry = item
        try:
            made.extend(validate((entry,)))
        except ValidationError as error:
            raise fail("range", details(error, lambda loc: (place, *loc[1:]), spec_key)) from None

    each(enumerate(ranges), add)
    return tuple(made)


def finish(title: str, model: _Model | None, errors: list[InitErrorDetails]) -> _Model:
    """The model, or one error of pydantic with all that was found."""
    if errors or model is None:
        raise fail(title, errors)
    return model
