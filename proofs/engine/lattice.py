"""The integer lattice of the points seen at one location: all its equalities and congruences at once.

The points base + integer combinations of the generators are the smallest lattice that holds every point given. The
generators are kept in echelon form: how often each is taken follows from the coordinates of the pivots, one after the
other. That these are whole numbers are the congruences; what the other coordinates then are, the equalities. Reduced
(Hermite normal form) they are the same however the lattice was come by, and few variables stand in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, lcm

Row = list[int]


class Lattice:
    """The smallest lattice of whole-number points, of one dimension each variable, that holds every joined point."""

    def __init__(self, base: Sequence[int]) -> None:
        self.base = tuple(base)
        self.generators: list[Row] = []  # echelon form, pivots positive
        self._conditions: list[tuple[tuple[int, ...], int, int]] | None = None

    def join(self, point: Sequence[int]) -> bool:
        """Add ``point``; return whether the lattice grew."""
        row = [p - b for p, b in zip(point, self.base, strict=True)]
        if self._holds(row):
            return False
        self._insert(row)
        self._conditions = None
        return True

    def conditions(self) -> list[tuple[tuple[int, ...], int, int]]:
        """Return (coefficients, constant, modulus), one a condition: their sum plus constant is a multiple of modulus,
        or 0 where modulus is 0. Together they hold exactly on the lattice."""
        if self._conditions is None:
            self._conditions = [
                (row, -sum(c * b for c, b in zip(row, self.base, strict=True)), modulus)
                for row, modulus in conditions(reduced(self.generators), len(self.base))
            ]
        return self._conditions

    def _holds(self, row: Row) -> bool:
        for generator in self.generators:
            pivot = _pivot(generator)
            times, rest = divmod(row[pivot], generator[pivot])
            if rest:
                return False
            row = [r - times * g for r, g in zip(row, generator, strict=True)]
        return not any(row)

    def _insert(self, row: Row) -> None:
        for at in range(len(self.generators)):
            generator = self.generators[at]
            pivot = _pivot(generator)
            lead = next((j for j, r in enumerate(row) if r), len(row))
            if lead < pivot:
                self.generators.insert(at, _positive(row))
                return
            while row[pivot]:  # Euclid: the pivot becomes the greatest common divisor
                times = generator[pivot] // row[pivot]
                generator, row = row, [g - times * r for g, r in zip(generator, row, strict=True)]
            self.generators[at] = _positive(generator)
        if any(row):
            self.generators.append(_positive(row))


def _positive(row: Row) -> Row:
    return [-r for r in row] if row[_pivot(row)] < 0 else row


def reduced(generators: Sequence[Row]) -> list[Row]:
    """Return the same lattice's generators in Hermite normal form: above a pivot stand numbers from 0 to below it."""
    rows = [list(row) for row in generators]
    for at, row in enumerate(rows):
        pivot = _pivot(row)
        for above in range(at):
            times = rows[above][pivot] // row[pivot]
            if times:
                rows[above] = [a - times * b for a, b in zip(rows[above], row, strict=True)]
    return rows


def conditions(rows: Sequence[Row], width: int) -> list[tuple[tuple[int, ...], int]]:
    """Return (coefficients, modulus), one a condition: x is a whole combination of the echelon ``rows`` if and only if
    each sum is a multiple of its modulus, or 0 where that is 0."""
    times: list[tuple[Row, int]] = []  # how often each row is taken: coefficients over a denominator
    for at, row in enumerate(rows):
        pivot = _pivot(row)
        known = [(rows[i][pivot], *times[i]) for i in range(at) if rows[i][pivot]]
        common = lcm(*(denominator for _, _, denominator in known))
        taken = [0] * width
        taken[pivot] = common
        for factor, coefficients, denominator in known:
            taken = [t - factor * (common // denominator) * c for t, c in zip(taken, coefficients, strict=True)]
        times.append(_lowest(taken, common * row[pivot]))
    equalities = []
    pivots = {_pivot(row) for row in rows}
    for column in (j for j in range(width) if j not in pivots):
        common = lcm(*(denominator for _, denominator in times))
        equal = [0] * width
        equal[column] = -common
        for row, (coefficients, denominator) in zip(rows, times, strict=True):
            equal = [e + row[column] * (common // denominator) * c for e, c in zip(equal, coefficients, strict=True)]
        equalities.append(_lowest(equal, 0)[0])
    congruences = ((_shortest(row, modulus, equalities), modulus) for row, modulus in times if modulus > 1)
    return [*congruences, *((tuple(row), 0) for row in equalities)]


def _shortest(row: Row, modulus: int, equalities: Sequence[Row]) -> tuple[int, ...]:
    """Return a congruence's coefficients, multiples of the modulus and of equalities added so that few are left."""
    half = (modulus - 1) // 2
    row = [(c + half) % modulus - half for c in row]
    for equal in equalities:
        for at in (j for j, e in enumerate(equal) if abs(e) == 1):
            other = [(c - row[at] * equal[at] * e + half) % modulus - half for c, e in zip(row, equal, strict=True)]
            row = min(row, other, key=lambda some: sum(map(bool, some)))
    return tuple(row)


def _pivot(row: Row) -> int:
    return next(j for j, value in enumerate(row) if value)


def _lowest(row: Row, denominator: int) -> tuple[Row, int]:
    common = gcd(denominator, *row)
    return [value // common for value in row], denominator // common
