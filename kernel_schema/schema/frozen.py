"""A read-only mapping, so that a frozen config is frozen all the way down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic_core import core_schema

from kernel_schema.schema.kinds import is_table
from kernel_schema.schema.problems import each

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidatorFunctionWrapHandler

K = TypeVar("K")
V_co = TypeVar("V_co", covariant=True)


class FrozenDict(Mapping[K, V_co]):
    """An immutable, hashable mapping that pydantic validates as a dict.

    It equals any mapping with the same items; the order of keys is kept but does not count.

    >>> frozen = FrozenDict({"a": 1})
    >>> frozen["a"], frozen == {"a": 1}, hash(frozen) == hash(FrozenDict({"a": 1}))
    (1, True, True)
    >>> frozen["a"] = 2
    Traceback (most recent call last):
    TypeError: 'FrozenDict' object does not support item assignment
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[K, V_co]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: K) -> V_co:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        keys, values = get_args(source)
        items = core_schema.dict_schema(
            handler.generate_schema(keys), handler.generate_schema(values)
        )
        one_by_one = core_schema.no_info_wrap_validator_function(_one_by_one, items)
        return core_schema.no_info_after_validator_function(cls, one_by_one)


def _one_by_one(table: Any, validate: ValidatorFunctionWrapHandler) -> dict[Any, Any]:
    if not is_table(table):
        return validate(table)
    made: dict[Any, Any] = {}
    each(table.items(), lambda item: made.update(validate(dict([item]))))
    return made
