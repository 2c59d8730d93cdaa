"""The lattice of the states seen: its conditions hold on it and nowhere else, in whatever order it was made."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from math import gcd
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.engine.lattice import Lattice

Point = tuple[int, ...]


def points(dimension: int, most: int = 4) -> st.SearchStrategy[list[Point]]:
    """Return lists of points that are close enough to count their combinations."""
    one = st.tuples(*[st.integers(-4, 4)] * dimension)
    return st.lists(one, min_size=1, max_size=most)


def joined(seen: Sequence[Point]) -> Lattice:
    """Return the lattice of the points, joined in their order."""
    lattice = Lattice(seen[0])
    for point in seen[1:]:
        lattice.join(point)
    return lattice


def satisfies(lattice: Lattice, point: Point) -> bool:
    """Return whether every condition holds of ``point``."""
    values = ((sum(c * p for c, p in zip(row, point, strict=True)) + k, m) for row, k, m in lattice.conditions())
    return all(value % modulus == 0 if modulus else value == 0 for value, modulus in values)


def is_member(seen: Sequence[Point], point: Point) -> bool:
    """Return whether ``point`` is the first one plus whole multiples of the others' differences to it.

    Independent of the engine: a vector is a whole combination of the rows if and only if joining it changes neither the
    rank nor the greatest common divisor of the minors of that rank (Heger).
    """
    rows = [[p - b for p, b in zip(other, seen[0], strict=True)] for other in seen[1:]]
    wanted = [p - b for p, b in zip(point, seen[0], strict=True)]
    return _divisors(rows) == _divisors([*rows, wanted])


def _divisors(rows: list[list[int]]) -> tuple[int, int]:
    width = len(rows[0]) if rows else 0
    for rank in range(min(len(rows), width), 0, -1):
        minors = [
            _determinant([[rows[i][j] for j in columns] for i in chosen])
            for chosen in combinations(range(len(rows)), rank)
            for columns in combinations(range(width), rank)
        ]
        if any(minors):
            return rank, gcd(*minors)
    return 0, 0


def _determinant(rows: list[list[int]]) -> int:
    if not rows:
        return 1
    return sum(
        (-1) ** j * first * _determinant([[*row[:j], *row[j + 1 :]] for row in rows[1:]])
        for j, first in enumerate(rows[0])
        if first
    )


@given(points(2))
@settings(max_examples=150)
def test_the_conditions_hold_on_the_lattice_and_nowhere_else_in_the_plane(seen: list[Point]) -> None:
    lattice = joined(seen)
    for point in product(range(-5, 6), repeat=2):
        assert satisfies(lattice, point) == is_member(seen, point), point


@given(points(3), st.lists(st.tuples(*[st.integers(-9, 9)] * 3), min_size=15, max_size=15))
@settings(max_examples=150)
def test_the_conditions_hold_on_the_lattice_and_nowhere_else_in_space(seen: list[Point], asked: list[Point]) -> None:
    lattice = joined(seen)
    for point in [*seen, *asked]:
        assert satisfies(lattice, point) == is_member(seen, point), point


@given(points(3), st.lists(st.integers(-5, 5), min_size=3, max_size=3))
@settings(max_examples=150)
def test_whole_combinations_are_members_and_join_nothing(seen: list[Point], times: list[int]) -> None:
    lattice = joined(seen)
    point = list(seen[0])
    for factor, other in zip(times, seen[1:], strict=False):
        point = [p + factor * (o - b) for p, o, b in zip(point, other, seen[0], strict=True)]
    assert satisfies(lattice, tuple(point))
    before = list(lattice.conditions())
    assert not lattice.join(point)
    assert lattice.conditions() == before


@given(points(3, most=5), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_the_order_of_joins_does_not_matter(seen: list[Point], random: Random) -> None:
    shuffled = list(seen)
    random.shuffle(shuffled)
    one, other = joined(seen), joined(shuffled)
    for point in product(range(-3, 4), repeat=3):
        assert satisfies(one, point) == satisfies(other, point), point
    one, other = Lattice((0, 0, 0)), Lattice((0, 0, 0))
    for seen_in_order, lattice in ((seen, one), (shuffled, other)):
        for point in seen_in_order:
            lattice.join(point)
    assert one.conditions() == other.conditions()


@given(points(2), st.tuples(st.integers(-6, 6), st.integers(-6, 6)))
@settings(max_examples=200)
def test_join_says_whether_the_lattice_grew(seen: list[Point], point: Point) -> None:
    lattice = joined(seen)
    assert lattice.join(point) == (not is_member(seen, point))
    assert satisfies(lattice, point)


def test_one_point_is_a_lattice_of_one_point() -> None:
    lattice = Lattice((3, -2))
    assert [p for p in product(range(-5, 6), repeat=2) if satisfies(lattice, p)] == [(3, -2)]


def test_the_conditions_are_the_simplest() -> None:
    """Both points are whole blocks of 512 pages away: each field by itself, not some sum of all of them."""
    lattice = joined([(0, 0, 512, 5), (512, 1024, 1024, 5), (1024, 512, 512, 5), (0, 512, 512, 5), (512, 512, 512, 5)])
    assert set(lattice.conditions()) == {
        ((1, 0, 0, 0), 0, 512),
        ((0, 1, 0, 0), 0, 512),
        ((0, 0, 1, 0), -512, 512),
        ((0, 0, 0, -1), 5, 0),
    }
