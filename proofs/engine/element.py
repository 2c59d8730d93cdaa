"""What is supposed to hold at one location: the lattice of the states seen there, and bounds on linear forms.

It begins as exactly what was seen, and only grows: a state that is joined belongs to it from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from proofs.engine.lattice import Lattice
from proofs.engine.literals import Literal, Terms, compare, evaluate, negative

FORMS = (
    "nothing",
    "equalities and congruences",
    "bounds on what the program compares",
    "bounds on every difference",
    "bounds on every sum, too",
)  # what an invariant may say, simplest first
FEW = 16  # a loop may count its orders, or its steps: such a number is no chance
OF_A_TYPE = 1 << 30  # a landmark from here on is the end of a type's range


class Element:
    """What is supposed to hold at one location. Without a point nothing is: the location was never reached."""

    def __init__(
        self, variables: tuple[str, ...], landmarks: Mapping[Terms, set[int]], form: str = FORMS[3],
        of_the_call: tuple[Literal, ...] = (),
    ) -> None:  # fmt: skip
        """``landmarks``: of each form that has bounds, the numbers that they may weaken to."""
        self.variables = variables
        self.form = form
        self.of_the_call = of_the_call  # what every path to here asked of the caller's Booleans
        self.lattice: Lattice | None = None
        self.landmarks = {form: marks for form, marks in landmarks.items() if all(v in variables for v, _ in form)}
        self.most: dict[Terms, int] = {}  # form: it is at most so much; of what is at least so much, its negative is
        self._literals: tuple[Literal, ...] | None = None

    @property
    def reached(self) -> bool:
        """Return whether any state was seen here."""
        return self.lattice is not None

    def see(self, states: Sequence[Mapping[str, int]], exact: bool = True) -> None:
        """Let the states of real runs belong to the location, which begins with them. ``exact``: their bounds are kept
        as they are, but for large numbers that runs of one size alone come to: those are chance, and weaken."""
        if not states:
            return
        for state in states if self.form != FORMS[0] else states[:1]:
            self._include(state)
        columns = {name: [state[name] for state in states] for name in self.variables}
        for form in self._forms():
            values = _values(form, columns)
            end = max(values)
            if exact and (abs(end) <= FEW or _sizes_that_come_to(end, values, columns["n"]) > 1):
                self.most[form] = end
            elif (mark := self._next(form, end)) is not None:
                self.most[form] = mark

    def join(self, state: Mapping[str, int]) -> list[Terms]:
        """Let ``state`` belong to the location. Return the forms whose bounds it breaks: they weaken to the next
        landmark."""
        if not self.reached:
            self.most = {form: evaluate(form, 0, state) for form in self._forms()}
        elif self.form == FORMS[0]:
            return []
        self._include(state)
        broken = [(form, value) for form, most in self.most.items() if (value := evaluate(form, 0, state)) > most]
        for form, value in broken:
            mark = self._next(form, value)
            if mark is None:
                del self.most[form]
            else:
                self.most[form] = mark
        return [form for form, _ in broken]

    def far(self, forms: Iterable[Terms]) -> Iterator[Literal]:
        """Yield the bounds on ``forms``, each weakened to the last landmark that is no type's range."""
        for form in forms:
            if form in self.most:
                most = self.most[form]
                marks = (mark for mark in self._marks(form) if most <= mark < OF_A_TYPE)
                literal = compare("le", form, -max(marks, default=most))
                if isinstance(literal, Literal):
                    yield literal

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
                    equal |= {form, negative(form)}
            same = self._same_but_for_a_number()
            for form, most in self.most.items():
                if form not in equal and not self._follows(form, most, same):
                    found.append(compare("le", form, -most))
            literals = (one for one in found if isinstance(one, Literal))
            self._literals = tuple(dict.fromkeys((*self.of_the_call, *literals)))
        return self._literals

    def _include(self, state: Mapping[str, int]) -> None:
        self._literals = None
        coordinates = [state[name] for name in self.variables]
        if self.lattice is None:
            self.lattice = Lattice(coordinates)
        else:
            self.lattice.join(coordinates)

    def _forms(self) -> Iterator[Terms]:
        """Yield what has bounds: from below, then from above."""
        yield from map(negative, self.landmarks)
        yield from self.landmarks

    def _marks(self, form: Terms) -> Iterable[int]:
        marks = self.landmarks.get(form)
        return (-mark for mark in self.landmarks[negative(form)]) if marks is None else marks

    def _next(self, form: Terms, value: int) -> int | None:
        return min((mark for mark in self._marks(form) if mark >= value), default=None)

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

    def _follows(self, form: Terms, most: int, same: Mapping[str, tuple[str, int]]) -> bool:
        """Return whether the bound on ``form`` is implied by the equalities and the bound on another form."""
        if not any(name in same for name, _ in form):
            return False
        summed: dict[str, int] = {}
        for name, coefficient in form:
            kept, offset = same.get(name, (name, 0))
            most -= coefficient * offset
            if kept:
                summed[kept] = summed.get(kept, 0) + coefficient
        other = tuple(sorted((v, c) for v, c in summed.items() if c))
        return not other or self.most.get(other, most + 1) <= most


def _sizes_that_come_to(end: int, values: Sequence[int], sizes: Sequence[int]) -> int:
    return len({n for n, value in zip(sizes, values, strict=True) if value == end})


def _values(form: Terms, columns: Mapping[str, Sequence[int]]) -> Sequence[int]:
    """Return the form's value in each state."""
    (name, factor), *others = form
    if not others:
        return columns[name] if factor == 1 else [factor * value for value in columns[name]]
    if len(others) == 1:
        ((other, times),) = others
        return [factor * one + times * two for one, two in zip(columns[name], columns[other], strict=True)]
    states = zip(*(columns[name] for name, _ in form), strict=True)
    return [sum(factor * value for (_, factor), value in zip(form, state, strict=True)) for state in states]
