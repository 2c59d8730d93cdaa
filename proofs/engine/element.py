"""What is supposed to hold at one location: the lattice of the states seen there, and bounds on linear forms.

It begins as exactly what was seen, and only grows: a state that is joined belongs to it from then on.
"""

from __future__ import annotations

from collections.abc import Mapping

from proofs.engine.lattice import Lattice
from proofs.engine.literals import Literal, Terms, compare, evaluate

FORMS = (
    "nothing",
    "equalities and congruences",
    "bounds on what the program compares",
    "bounds on every difference",
    "bounds on every sum, too",
)  # what an invariant may say, simplest first


class Element:
    """What is supposed to hold at one location. Without a point nothing is: the location was never reached."""

    def __init__(
        self, variables: tuple[str, ...], landmarks: Mapping[Terms, set[int]], form: str = FORMS[3],
        of_the_call: tuple[Literal, ...] = (),
    ) -> None:  # fmt: skip
        self.variables = variables
        self.form = form
        self.of_the_call = of_the_call  # what every path to here asked of the caller's Booleans
        self.lattice: Lattice | None = None
        self.landmarks = {form: marks for form, marks in landmarks.items() if all(v in variables for v, _ in form)}
        self.low: dict[Terms, int] = {}
        self.high: dict[Terms, int] = {}
        self._literals: tuple[Literal, ...] | None = None

    @property
    def reached(self) -> bool:
        """Return whether any state was seen here."""
        return self.lattice is not None

    def join(self, point: Mapping[str, int], exact: bool = False) -> None:
        """Let ``point`` belong to the location.

        A bound that it breaks weakens to the next landmark, or, ``exact``, just enough.
        """
        if self.form == FORMS[0] and self.reached:
            return
        self._literals = None
        coordinates = [point[name] for name in self.variables]
        if self.lattice is None:
            self.lattice = Lattice(coordinates)
            for form in self.landmarks:
                self.low[form] = self.high[form] = evaluate(form, 0, point)
            return
        self.lattice.join(coordinates)
        for form, marks in self.landmarks.items():
            value = evaluate(form, 0, point)
            if form in self.low and value < self.low[form]:
                self._weaken(self.low, form, value if exact else max((m for m in marks if m <= value), default=None))
            if form in self.high and value > self.high[form]:
                self._weaken(self.high, form, value if exact else min((m for m in marks if m >= value), default=None))

    @staticmethod
    def _weaken(bounds: dict[Terms, int], form: Terms, value: int | None) -> None:
        if value is None:
            del bounds[form]
        else:
            bounds[form] = value

    def literals(self) -> tuple[Literal, ...]:
        """Return what is supposed to hold, one literal a conjunct."""
        if self.form == FORMS[0]:
            return self.of_the_call
        if self._literals is None:
            found: list[Literal | bool] = []
            assert self.lattice is not None
            equal: set[Terms] = set()
            for coefficients, constant, modulus in self.lattice.conditions():
                form = tuple(sorted((v, c) for v, c in zip(self.variables, coefficients, strict=True) if c))
                found.append(compare("div" if modulus else "eq", form, constant, modulus))
                if not modulus:
                    equal.add(form)
            same = self._same_but_for_a_number()
            for form, low in self.low.items():
                if form not in equal and not self._follows(form, low, same, upper=False):
                    found.append(compare("le", tuple((v, -c) for v, c in form), low))
            for form, high in self.high.items():
                if form not in equal and not self._follows(form, high, same, upper=True):
                    found.append(compare("le", form, -high))
            literals = (one for one in found if isinstance(one, Literal))
            self._literals = tuple(dict.fromkeys((*self.of_the_call, *literals)))
        return self._literals

    def _same_but_for_a_number(self) -> dict[str, tuple[str, int]]:
        """Return, for a variable that is a number or another variable plus a number, those: ("", number) or
        (other, number)."""
        assert self.lattice is not None
        columns: dict[tuple[int, ...], int] = {}
        same = {}
        for at in reversed(range(len(self.variables))):  # parameters stand last, and are kept
            column = tuple(row[at] for row in self.lattice.generators)
            if not any(column):
                same[self.variables[at]] = ("", self.lattice.base[at])
            elif column in columns:
                kept = columns[column]
                same[self.variables[at]] = (self.variables[kept], self.lattice.base[at] - self.lattice.base[kept])
            else:
                columns[column] = at
        return same

    def _follows(self, form: Terms, bound: int, same: Mapping[str, tuple[str, int]], upper: bool) -> bool:
        """Return whether the bound on ``form`` is implied by the equalities and the bound on another form."""
        if not any(name in same for name, _ in form):
            return False
        summed: dict[str, int] = {}
        for name, coefficient in form:
            kept, offset = same.get(name, (name, 0))
            bound -= coefficient * offset
            if kept:
                summed[kept] = summed.get(kept, 0) + coefficient
        other = tuple(sorted((v, c) for v, c in summed.items() if c))
        if not other:
            return True
        if other[0][1] < 0:
            other, bound, upper = tuple((v, -c) for v, c in other), -bound, not upper
        known = (self.high if upper else self.low).get(other)
        return known is not None and (known <= bound if upper else known >= bound)
