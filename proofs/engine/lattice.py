"""The integer lattice of the points seen at one location: all its equalities and congruences at once.

The points base + integer combinations of the generators are the smallest lattice that holds every point given. In
coordinates where the generators are diagonal (their Smith normal form), being in it is one condition a coordinate.
"""

from __future__ import annotations

from collections.abc import Sequence

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
            columns, diagonal = smith_columns(self.generators, len(self.base))
            self._conditions = []
            for column, modulus in zip(columns, diagonal, strict=True):
                if modulus != 1:
                    constant = -sum(c * b for c, b in zip(column, self.base, strict=True))
                    self._conditions.append((tuple(column), constant, modulus))
        return self._conditions

    def _holds(self, row: Row) -> bool:
        for generator in self.generators:
            pivot = next(j for j, g in enumerate(generator) if g)
            times, rest = divmod(row[pivot], generator[pivot])
            if rest:
                return False
            row = [r - times * g for r, g in zip(row, generator, strict=True)]
        return not any(row)

    def _insert(self, row: Row) -> None:
        for at in range(len(self.generators)):
            generator = self.generators[at]
            pivot = next(j for j, g in enumerate(generator) if g)
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
    lead = next(r for r in row if r)
    return [-r for r in row] if lead < 0 else row


def smith_columns(generators: Sequence[Row], width: int) -> tuple[list[Row], list[int]]:
    """Return the columns of a unimodular V and, for each, d: x lies in the rows' lattice if and only if every
    x . V_j is a multiple of d_j (0 where d_j is 0)."""
    rows = [list(row) for row in generators]
    v = [[int(i == j) for i in range(width)] for j in range(width)]  # v[j] is column j
    diagonal: list[int] = []
    for step in range(len(rows)):
        while True:
            at = min(
                ((abs(rows[i][j]), i, j) for i in range(step, len(rows)) for j in range(step, width) if rows[i][j]),
                default=None,
            )
            if at is None:
                break
            _, i, j = at
            rows[step], rows[i] = rows[i], rows[step]
            for row in rows:
                row[step], row[j] = row[j], row[step]
            v[step], v[j] = v[j], v[step]
            if not _clear(rows, v, step, width):
                break
        if at is None:
            break
        diagonal.append(abs(rows[step][step]))
    return v, diagonal + [0] * (width - len(diagonal))


def _clear(rows: list[Row], v: list[Row], step: int, width: int) -> bool:
    """Reduce the row and the column of the pivot; return whether a smaller remainder is left somewhere."""
    pivot, left = rows[step][step], False
    for i in range(step + 1, len(rows)):
        times = rows[i][step] // pivot
        if times:
            rows[i] = [a - times * b for a, b in zip(rows[i], rows[step], strict=True)]
        left |= rows[i][step] != 0
    for j in range(step + 1, width):
        times = rows[step][j] // pivot
        if times:
            for row in rows:
                row[j] -= times * row[step]
            v[j] = [a - times * b for a, b in zip(v[j], v[step], strict=True)]
        left |= rows[step][j] != 0
    return left
