"""Taking a state apart into what is known in a location (its shape) and the ints that are symbols there (its fields).

Booleans, None, strings, tuples of plain ints and the type of a state are control: known. Ints are data, unless the code
turned out to need their value: then they are promoted to control. What a call fixes for its whole length is a constant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

from proofs.engine.symbols import BitLength, Bool, Int, Misuse

MOST_KEPT = 1 << 14  # shapes of one kind, each kept once
Data = dict[str, Any]  # field name: Int or int


@dataclass(frozen=True)
class Known:
    """A part of the state whose value is fixed in the location."""

    value: Any
    kinds: Any = field(init=False, repr=False)  # True is not 1, though it equals it

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", _kinds(self.value))


@dataclass(frozen=True, eq=False)
class Constant:
    """A part of the state that is one and the same object for the whole call, symbols and all."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@dataclass(frozen=True)
class Field:
    """A part of the state that is a symbol in the location."""

    name: str


@dataclass(frozen=True)
class Record:
    """A dataclass or a tuple of parts."""

    kind: type
    parts: tuple[Any, ...]

    @cached_property
    def hash(self) -> int:
        """Return the hash, kept: what is nested is looked up by the ten thousand."""
        return hash((self.kind, self.parts))

    def __hash__(self) -> int:
        return self.hash


def take_apart(value: Any, promoted: Collection[str] = (), prefix: str = "", constants: tuple[type, ...] = ()) -> Any:
    """Return (shape, data) of a state. Deciding a symbolic Boolean or a promoted int asks the explorer."""
    data: Data = {}
    return _shape(value, promoted, prefix, constants, data), data


def promote(shape: Any, data: Data, promoted: Collection[str]) -> tuple[Any, Data]:
    """Return the shape and the data that the same state has with those ints ``promoted``, too."""
    values = tuple((name, value) for name, value in data.items() if name in promoted)
    if not values:
        return shape, data
    return _promoted(shape, values), {name: value for name, value in data.items() if name not in promoted}


# Shapes are made for every state and compared by the ten thousand: that is cheap where equal ones are one object.
_field = cache(Field)
_record = lru_cache(MOST_KEPT)(Record)


@lru_cache(MOST_KEPT)
def _one_known(value: Any, kinds: Any) -> Known:
    return Known(value)


def _known(value: Any) -> Known:
    return _one_known(value, _kinds(value))


def _kinds(value: Any) -> Any:
    """Return the type, and of a collection the types in it."""
    kind = type(value)
    if not issubclass(kind, tuple | frozenset):
        return kind
    inner = [type(part) for part in value]
    if any(issubclass(of_part, tuple | frozenset) for of_part in set(inner)):
        inner = [_kinds(part) for part in value]
    return kind, tuple(inner) if issubclass(kind, tuple) else frozenset(inner)


@cache
def _field_names_of(kind: type) -> tuple[str, ...]:
    """Return the names of a dataclass's fields; none for any other type."""
    return tuple(f.name for f in fields(kind)) if is_dataclass(kind) else ()


def attributes_beside_fields(value: Any) -> str:
    """Return the name of an attribute of a dataclass that is neither a field nor a cached property, "" for none."""
    kind: Any = type(value)
    extra = getattr(value, "__dict__", {}).keys() - set(_field_names_of(kind))
    return min((name for name in extra if not isinstance(getattr(kind, name, None), cached_property)), default="")


def _shape(value: Any, promoted: Collection[str], name: str, constants: tuple[type, ...], data: Data) -> Any:
    kind: Any = type(value)
    if kind is int:  # most parts are
        return _number(value, promoted, name, data)
    if isinstance(value, constants):
        return Constant(value)
    names = _field_names_of(kind)
    if names:
        if len(getattr(value, "__dict__", ())) > len(names) and (extra := attributes_beside_fields(value)):
            raise Misuse(f"the state's {name or 'value'} has an attribute that is no field, {extra}")
        prefix = f"{name}." if name else ""
        parts = tuple([_shape(getattr(value, own), promoted, prefix + own, constants, data) for own in names])
        return _record(kind, parts)
    if kind is tuple and any(is_dataclass(part) or isinstance(part, Int) for part in value):
        parts = tuple(_shape(p, promoted, f"{name}.{at}", constants, data) for at, p in enumerate(value))
        return _record(tuple, parts)
    if isinstance(value, Bool):
        return _known(bool(value))
    if isinstance(value, BitLength):
        return _number(value.__index__(), promoted, name, data)
    if isinstance(value, Int):
        return _number(value, promoted, name, data)
    of_its_own = isinstance(value, tuple | int) and kind not in (tuple, bool)  # it may do what no tuple or int does
    if of_its_own or isinstance(value, float | list | dict | set | bytearray):
        raise Misuse(f"the state's {name or 'value'} is a {kind.__name__}: states hold ints, Booleans and None")
    return _known(value)


def _number(value: Any, promoted: Collection[str], name: str, data: Data) -> Any:
    if name in promoted:
        return _known(value.__index__())
    data[name] = value
    return _field(name)


@lru_cache(MOST_KEPT)
def _promoted(shape: Any, values: tuple[tuple[str, int], ...]) -> Any:
    if isinstance(shape, Field):
        known = dict(values)
        return _known(known[shape.name]) if shape.name in known else shape
    if isinstance(shape, Record):
        return _record(shape.kind, tuple(_promoted(part, values) for part in shape.parts))
    return shape


def unpromoted(shape: Any, promoted: Collection[str], name: str = "") -> Any:
    """Return what the shape would be if none of the fields were promoted."""
    if name in promoted:
        return Field(name)
    if not isinstance(shape, Record):
        return shape
    own = range(len(shape.parts)) if shape.kind is tuple else _field_names_of(shape.kind)
    prefix = f"{name}." if name else ""
    named = zip(own, shape.parts, strict=True)
    return Record(shape.kind, tuple(unpromoted(part, promoted, f"{prefix}{at}") for at, part in named))


def put_together(shape: Any, data: Mapping[str, Any]) -> Any:
    """Return the state of ``shape`` whose fields are ``data``: the inverse of ``take_apart``."""
    if isinstance(shape, Known | Constant):
        return shape.value
    if isinstance(shape, Field):
        return data[shape.name]
    parts = [put_together(part, data) for part in shape.parts]
    if shape.kind is tuple:
        return tuple(parts)
    return shape.kind(**{f.name: part for f, part in zip(fields(shape.kind), parts, strict=True)})


@lru_cache(MOST_KEPT)
def field_names(shape: Any) -> tuple[str, ...]:
    """Return the names of the data fields, in the state's order."""
    if isinstance(shape, Field):
        return (shape.name,)
    if isinstance(shape, Record):
        return tuple(name for part in shape.parts for name in field_names(part))
    return ()


def describe(shape: Any) -> str:
    """Return the location in words: the state's type and its known parts."""
    if isinstance(shape, Known):
        return str(shape.value)
    if isinstance(shape, Field | Constant):
        return "*"
    if shape.kind is tuple:
        return "(" + ", ".join(describe(part) for part in shape.parts) + ")"
    if not shape.kind.__dataclass_params__.repr and not field_names(shape):  # it has words of its own
        return str(put_together(shape, {}))
    inner = [
        f"{f.name}={describe(part)}"
        for f, part in zip(fields(shape.kind), shape.parts, strict=True)
        if not isinstance(part, Field | Constant)
    ]
    name: str = shape.kind.__name__
    return name + (f"({', '.join(inner)})" if inner else "")
