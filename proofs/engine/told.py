"""What follows from literals at a glance, without a query: most of what is asked does.

Equalities determine some of the variables: those are replaced by the others. Of what is left there are bounds, each on
a form of its own, and of a form without one the sum of its variables'.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import inf
from typing import NamedTuple

from proofs.engine.literals import Literal, Terms, compare, definitions, is_quotient, negative, replaced, substitute


class Sum(NamedTuple):
    """A linear form with its constant."""

    terms: Terms
    constant: int


class Told:
    """Literals that hold, and what they say of others."""

    def __init__(self, literals: Iterable[Literal] = (), before: Told | None = None) -> None:
        """``literals`` hold beside those told ``before``, whose equalities alone determine variables."""
        literals = tuple(literals)
        self.determined: Determined = (
            before.determined if before else solved(tuple(one for one in literals if one.kind == "eq"))
        )
        self.literals: set[Literal] = set(before.literals) if before else set()
        self.exactly: set[Literal] = set(before.exactly) if before else set()  # those that are no bounds, reduced
        self.highest: dict[Terms, int] = dict(before.highest) if before else {}  # form: it is at most so much
        self.mentioned: set[str] = set(before.mentioned) if before else set()  # the variables of which anything is said
        for literal in literals:
            self.learn(literal)

    def learn(self, literal: Literal) -> None:
        """Let ``literal`` hold, too."""
        if literal in self.literals:
            return
        self.literals.add(literal)
        self.mentioned |= _names(literal)
        reduced = self._reduced(literal)
        if isinstance(reduced, bool):
            return
        kind, terms, constant, _ = reduced
        if kind in ("le", "eq"):
            self._bound(terms, -constant)
        if kind == "eq":
            self._bound(negative(terms), constant)
        elif kind != "le":
            self.exactly.add(reduced)
        if kind == "ne":  # a bound that it excludes is the next number
            for form, bound in ((terms, -constant), (negative(terms), constant)):
                if self._most(form) == bound:
                    self._bound(form, bound - 1)

    def says(self, literal: Literal) -> bool | None:
        """Return whether ``literal`` holds, None where that is not seen."""
        reduced = self._reduced(literal)
        if isinstance(reduced, bool):
            return reduced
        kind, terms, constant, _ = reduced
        if kind == "le":
            if self._most(terms) <= -constant:
                return True
            return False if self._most(negative(terms)) < constant else None
        if reduced in self.exactly:
            return True
        if kind in ("eq", "ne"):
            high, low = self._most(terms), -self._most(negative(terms))
            if not low <= -constant <= high:
                return kind == "ne"
            if low == high:
                return kind == "eq"
        return False if reduced.negated() in self.exactly else None

    def excludes(self, literals: Iterable[Literal]) -> bool:
        """Return whether ``literals`` are seen not to hold together with these."""
        beside = Told((), self)
        for literal in literals:
            if beside.says(literal) is False:
                return True
            beside.learn(literal)
        return False

    def leaves_free(self, literal: Literal) -> bool:
        """Return whether ``literal`` may hold or not, whatever else does: of a variable in it nothing is said yet."""
        if any(is_quotient(name) for name, _ in literal.terms):
            return False
        return any(abs(c) == 1 and name not in self.mentioned for name, c in literal.terms)

    def _reduced(self, literal: Literal) -> Literal | bool:
        return _reduced(literal, self.determined)

    def _bound(self, form: Terms, most: int) -> None:
        if most < self.highest.get(form, inf):
            self.highest[form] = most
            if len(form) == 2:  # a bound on either of the two is one on the other
                for one, (name, factor) in (form, form[::-1]):
                    least = self.highest.get(((name, -factor),)) if abs(one[1]) == 1 else None
                    if least is not None:
                        self._bound((one,), most + least)

    def _most(self, form: Terms) -> float:
        """Return what the form is at most, as far as bounds on it, or on its variables, tell."""
        known: float = self.highest.get(form, inf)
        if len(form) > 1:
            highest, summed = self.highest, 0
            for name, coefficient in form:
                bound = highest.get(((name, 1 if coefficient > 0 else -1),))
                if bound is None:
                    return known
                summed += abs(coefficient) * bound
            return min(known, summed)
        return known


@lru_cache(1 << 16)
def _names(literal: Literal) -> frozenset[str]:
    """Return the variables in a literal, and those that the quotients among them stand for."""
    return frozenset(name for one in (literal, *definitions(literal)) for name, _ in one.terms)


class Determined:
    """The variables that equalities determine, each in terms of such as they do not."""

    def __init__(self, values: dict[str, Sum]) -> None:
        self.values = values


@lru_cache(1 << 16)
def _reduced(literal: Literal, determined: Determined) -> Literal | bool:
    """Return the literal without what is determined."""
    if any(name in determined.values for name, _ in literal.terms):
        return substitute(literal, determined.values)
    return literal if literal.terms else compare(*literal)


@lru_cache(1 << 10)
def solved(equalities: tuple[Literal, ...]) -> Determined:
    """Return what the equalities determine: one and the same object for the same ones."""
    found: dict[str, Sum] = {}
    for equality in equalities:
        rest = substitute(equality, found)
        if isinstance(rest, bool):
            continue
        name, sign = next(((name, c) for name, c in rest.terms if abs(c) == 1), ("", 0))
        if sign:
            others = tuple((other, -sign * c) for other, c in rest.terms if other != name)
            value = Sum(others, -sign * rest.constant)
            found = {known: Sum(*replaced(*told, {name: value})) for known, told in found.items()} | {name: value}
    return Determined(found)
