"""What the models of a config share: the grammar reads them whole, and validates their copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, PlainValidator, RootModel, model_serializer, model_validator

from kernel_schema.schema.alternatives import Alternative
from kernel_schema.schema.grammar import LINES, Fields, FrozenDict, Line, Reader
from kernel_schema.schema.problems import Problem, Problems, TooManyProblemsError
from kernel_schema.schema.references import HubRef, LocalRef
from kernel_schema.typeguards import is_table, is_tuple
from kernel_schema.wording import listing, quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetJsonSchemaHandler, ModelWrapValidatorHandler
    from pydantic_core import CoreSchema
    from typing_extensions import Self


_Model = TypeVar("_Model", bound=BaseModel)
_Init = TypeVar("_Init", bound="Callable[..., None]")


def read_by(line: Line) -> PlainValidator:
    """The validator of a field: what a line of the grammar says of its value."""
    return PlainValidator(lambda value: read(line, value, "value"))


def read(line: Line, value: Any, title: str) -> Any:
    """What a line of the grammar makes of a value, or a `pydantic.ValidationError` with `title`."""
    meaning, problems = read_all(line, value)
    if problems:
        raise problems.error(title, value)
    return meaning


def read_all(line: Line, value: Any) -> tuple[Any, Problems]:
    """What a line of the grammar makes of a value, and what is wrong with it."""
    reader = Reader(lambda alternative, meaning: _MODELS[alternative].of_read(meaning))
    with suppress(TooManyProblemsError):
        return line(reader, value, ()), reader.problems
    return None, reader.problems


_MODELS: Final[dict[Alternative, type[Part]]] = {}


def typed_init(init: _Init) -> _Init:
    """Mark a constructor, as pydantic does its own, that nested data need not go through."""
    vars(init)["__pydantic_base_init__"] = True
    return init


class Part(BaseModel, frozen=True):
    """What our models have in common."""

    grammar_alternative: ClassVar[Alternative]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if "grammar_alternative" in vars(cls):
            _MODELS[cls.grammar_alternative] = cls

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> dict[str, Any]:
        # Imported here: checking a file must not pay for it. What the validators take cannot be
        # derived from `core_schema`: they are plain functions.
        from kernel_schema.json_schemas.embedded import embedded

        del core_schema
        return embedded(cls, handler)

    @classmethod
    def of_read(cls, meaning: Any) -> Self:
        """The model of what the grammar has read: `model_construct`, but fast."""
        return _holding(cls.__new__(cls), meaning)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with some fields replaced.

        Args:
            update: New values by field; None for an option leaves it out. The copy is validated.
            deep: Whether to copy what stands inside too. All of it is frozen.

        Raises:
            pydantic.ValidationError: If a field is unknown, or the copy breaks a rule.

        >>> from kernel_schema import KernelSpec
        >>> KernelSpec(kernel="org/repo:Layer").model_copy(update={"version": 2}).model_dump()
        {'kernel': 'org/repo:Layer', 'version': 2}
        """
        copied = super().model_copy(deep=deep)
        if not update:
            return copied
        model = type(self)
        fields = listing(list(model.model_fields), "and")
        problems = Problems()
        for name in update:
            if name not in model.model_fields:
                message = f"{quote(name)} is not a field of {model.__name__}: known are {fields}"
                problems.note((name,), Problem("unknown-key", message, at_key=True))
        if problems:
            raise problems.error(model.__name__, update)
        stated = {name: getattr(copied, name) for name in self.model_fields_set}
        return model.model_validate(self._written({**stated, **update}))

    @classmethod
    def _written(cls, fields: Fields) -> Any:
        """What a caller would write for a model with these fields."""
        optional = {name for name, field in cls.model_fields.items() if field.default is None}
        return {
            cls.model_fields[name].alias or name: value
            for name, value in fields.items()
            if value is not None or name not in optional
        }


class KeyedPart(Part, frozen=True, extra="forbid"):
    """What models with keys of their own have in common: a line of the grammar reads them whole."""

    @typed_init
    def __init__(self, **data: Any) -> None:
        model = type(self)
        if "grammar_alternative" in vars(model):
            _holding(self, read(LINES[model.grammar_alternative], data, model.__name__))
        else:
            super().__init__(**data)

    @model_validator(mode="wrap")
    @classmethod
    def _read_whole(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return value
        if "grammar_alternative" in vars(cls):
            return cls.of_read(read(LINES[cls.grammar_alternative], value, cls.__name__))
        return handler(cls._read_derived(value))

    @classmethod
    def _read_derived(cls, value: Any) -> Any:
        """What the grammar makes of its keys; those that a class derived from ours adds stay."""
        keys = {field.alias or name: name for name, field in cls.model_fields.items()}
        ours = next(
            base.model_fields
            for base in cls.__mro__
            if issubclass(base, KeyedPart) and "grammar_alternative" in vars(base)
        )
        theirs: Fields = {}
        if is_table(value):
            added = {key for key, name in keys.items() if name not in ours}
            theirs = {key: value[key] for key in added if key in value}
            value = {key: item for key, item in value.items() if key not in theirs}
        fields = read(LINES[cls.grammar_alternative], value, cls.__name__)
        return {key: fields[name] for key, name in keys.items() if name in fields} | theirs


_set = object.__setattr__  # the models are frozen


def _holding(model: _Model, fields: Fields) -> _Model:
    """A new model with the fields that the grammar has read, and the defaults of the others."""
    _set(model, "__dict__", {**_defaults(type(model)), **fields})
    _set(model, "__pydantic_fields_set__", set(fields))
    _set(model, "__pydantic_extra__", None)
    _set(model, "__pydantic_private__", None)
    return model


@cache
def _defaults(model: type[BaseModel]) -> Fields:
    return {name: field.default for name, field in model.model_fields.items()}


def plain(value: Any) -> Any:
    """What a file would hold: dicts, lists, strings and numbers, with the user's sugar."""
    if isinstance(value, (HubRef, LocalRef)):
        return str(value)
    if isinstance(value, BaseModel):
        return value.model_dump()
    if is_table(value):
        return {str(key): plain(item) for key, item in value.items()}
    if is_tuple(value):
        return [plain(item) for item in value]
    return value


_K = TypeVar("_K")
_V = TypeVar("_V")


class TablePart(Part, RootModel[FrozenDict[_K, _V]], Mapping[_K, _V], frozen=True):
    """What device tables and mode tables share: a frozen mapping that is a pydantic model."""

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        return plain(self.root)

    @classmethod
    def of_read(cls, meaning: Any) -> Self:
        """The same, with fewer things to set."""
        model = cls.__new__(cls)
        _set(model, "__dict__", {"root": meaning})
        _set(model, "__pydantic_fields_set__", {"root"})
        return model

    @classmethod
    def _written(cls, fields: Fields) -> Any:
        return fields["root"]

    def __getitem__(self, key: _K) -> _V:
        return self.root[key]

    def __iter__(self) -> Iterator[_K]:  # pyright: ignore[reportIncompatibleMethodOverride] (a mapping iterates over its keys)
        return iter(self.root)

    def __len__(self) -> int:
        return len(self.root)

    def __hash__(self) -> int:
        return hash(self.root)
