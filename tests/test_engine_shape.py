"""States taken apart into what is known in a location and what is a symbol there."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import pytest

from proofs.engine.shape import Known, field_names, put_together, take_apart, unpromoted
from proofs.engine.symbols import Misuse


@dataclass(frozen=True)
class Inner:
    """A part with a number of its own."""

    slot: int
    is_full: bool


@dataclass(frozen=True)
class State:
    """A state of a loop."""

    count: int
    orders: Any
    inner: Inner | None


Mode = IntEnum("Mode", ["BAD"])
STATE = State(7, (9, 4, 0), Inner(3, is_full=False))


@pytest.mark.parametrize("promoted", [frozenset[str](), frozenset({"count"}), frozenset({"count", "inner.slot"})])
def test_a_state_taken_apart_and_put_together_is_the_same(promoted: frozenset[str]) -> None:
    shape, data = take_apart(STATE, promoted)
    assert put_together(shape, data) == STATE
    assert set(field_names(shape)) == {"count", "inner.slot"} - promoted == set(data)
    assert unpromoted(shape, promoted) == take_apart(STATE)[0]


def test_states_that_differ_in_numbers_alone_have_one_shape_which_is_one_object() -> None:
    shape, _ = take_apart(STATE)
    same, data = take_apart(State(1, (9, 4, 0), Inner(0, is_full=False)))
    assert same is shape and data == {"count": 1, "inner.slot": 0}
    assert take_apart(State(1, (9, 4, 0), Inner(0, is_full=True)))[0] != shape
    assert take_apart(State(1, (9, 4, 0), None))[0] != shape


@pytest.mark.parametrize(
    ("one", "other"), [((1, 0), (True, False)), (((1,),), ((True,),)), (frozenset({1}), frozenset({True}))]
)
def test_what_is_kept_of_one_state_never_stands_for_an_equal_value_of_another_type(one: Any, other: Any) -> None:
    for value in (one, other, one):
        shape, data = take_apart(State(0, value, None))
        assert repr(put_together(shape, data).orders) == repr(value)


def test_rejects_a_tuple_of_another_class() -> None:
    """Its numbers became symbols in a plain tuple: what the class does was lost, and a branch on it never taken."""
    mode = namedtuple("mode", ["by"])
    with pytest.raises(Misuse, match="the state's orders is a mode"):
        take_apart(State(0, mode(1), None))


def test_rejects_an_int_of_another_class() -> None:
    """It became a symbol: ``mode is Mode.BAD`` was false of every value."""
    with pytest.raises(Misuse, match="the state's count is a Mode"):
        take_apart(State(Mode.BAD, (), None))


def test_a_promoted_number_that_equals_a_boolean_stays_a_number() -> None:
    assert take_apart(True)[0] == Known(True)
    shape, _ = take_apart(State(1, (), None), {"count"})
    assert repr(put_together(shape, {}).count) == "1"
