"""Linear forms, and the literals about them: what a path's condition is made of, and what the solver is told.

A form is a sum of coefficients times named integer variables, plus a constant; a literal compares one with 0. Here all
is plain data; what the code under proof holds in its hands are symbols, see symbols.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import NamedTuple, Protocol

Terms = tuple[tuple[str, int], ...]  # sorted (variable, coefficient), no coefficient 0


class Form(Protocol):
    """A linear form with its constant, as a symbolic int has them."""

    @property
    def terms(self) -> Terms:
        """Return the terms."""

    @property
    def constant(self) -> int:
        """Return the constant."""


class Literal(NamedTuple):
    """One atom of a path condition. A tuple: they are made, compared and looked up by the ten thousand.

    kind: ``le`` (form <= 0), ``eq`` (form = 0), ``ne``, ``div`` (modulus divides form), ``ndiv``, ``yes`` / ``no``
    (the Boolean variable ``terms[0][0]``).
    """

    kind: str
    terms: Terms
    constant: int = 0
    modulus: int = 0

    def negated(self) -> Literal:
        """Return the literal that holds exactly where this one does not."""
        if self.kind == "le":
            return Literal("le", negative(self.terms), 1 - self.constant)
        return Literal(_OPPOSITE[self.kind], self.terms, self.constant, self.modulus)

    def holds(self, values: Mapping[str, int]) -> bool:
        """Return whether the literal is true of ``values``."""
        if self.kind in ("yes", "no"):
            return bool(values[self.terms[0][0]]) == (self.kind == "yes")
        value = evaluate(self.terms, self.constant, values)
        if self.kind == "le":
            return value <= 0
        if self.kind in ("eq", "ne"):
            return (value == 0) == (self.kind == "eq")
        return (value % self.modulus == 0) == (self.kind == "div")

    def __str__(self) -> str:
        if self.kind in ("yes", "no"):
            return ("" if self.kind == "yes" else "not ") + self.terms[0][0]
        if self.kind in ("div", "ndiv"):
            form = written(self.terms, self.constant)
            return f"{self.modulus} {'divides' if self.kind == 'div' else 'does not divide'} {form}"
        left = tuple((v, c) for v, c in self.terms if c > 0)
        right = tuple((v, -c) for v, c in self.terms if c < 0)
        sign = {"le": "<=", "eq": "=", "ne": "!="}[self.kind]
        low = self.constant if self.constant > 0 else 0
        high = -self.constant if self.constant < 0 else 0
        if not left:  # read "-x + 3 <= 0" as "x >= 3"
            return f"{written(right, high)} {sign.replace('<', '>')} {written(left, low)}"
        return f"{written(left, low)} {sign} {written(right, high)}"


FALSE = Literal("le", (), 1)
_OPPOSITE = {"eq": "ne", "ne": "eq", "div": "ndiv", "ndiv": "div", "yes": "no", "no": "yes"}


def negative(terms: Terms) -> Terms:
    """Return the form with every sign turned."""
    return tuple((variable, -coefficient) for variable, coefficient in terms)


def evaluate(terms: Terms, constant: int, values: Mapping[str, int]) -> int:
    """Return the value of a linear form."""
    for variable, coefficient in terms:
        constant += coefficient * values[variable]
    return constant


def written(terms: Terms, constant: int) -> str:
    """Return a linear form in words: ``2*x - y + 3``."""
    parts = [v if c == 1 else f"-{v}" if c == -1 else f"{c}*{v}" for v, c in terms]
    if constant or not parts:
        parts.append(str(constant))
    return " + ".join(parts).replace("+ -", "- ")


def _nearest(value: int, modulus: int) -> int:
    """Return the number nearest to 0 that is congruent to ``value``: small coefficients keep the solver on its way."""
    half = (modulus - 1) // 2
    return (value + half) % modulus - half


def compare(kind: str, terms: Terms, constant: int, modulus: int = 0) -> bool | Literal:
    """Return the comparison of a linear form with 0, decided at once where no variable is left."""
    if not terms:
        return Literal(kind, terms, constant, modulus).holds({})
    divisor = 1 if terms[0][1] in (1, -1) else gcd(*(c for _, c in terms))
    if kind in ("eq", "ne"):
        if constant % divisor:
            return kind == "ne"
        if terms[0][1] < 0:
            divisor = -divisor
    elif kind in ("div", "ndiv"):
        terms = tuple((v, _nearest(c, modulus)) for v, c in terms if c % modulus)
        if not terms:
            return (constant % modulus == 0) == (kind == "div")
        sign = -1 if terms[0][1] < 0 else 1
        terms = tuple((v, _nearest(sign * c, modulus)) for v, c in terms)
        constant = _nearest(sign * constant, modulus)
        return Literal(kind, terms, constant, modulus)
    if divisor != 1:  # a whole number below a fraction is below its floor
        terms = tuple((v, c // divisor) for v, c in terms)
        constant = -(-constant // divisor)
    return Literal(kind, terms, constant)


def substitute(literal: Literal, values: Mapping[str, Form | int]) -> bool | Literal:
    """Return ``literal`` with its integer variables replaced; one without a replacement stays."""
    if literal.kind in ("yes", "no"):
        return literal
    return compare(literal.kind, *replaced(literal.terms, literal.constant, values), literal.modulus)


def replaced(terms: Terms, constant: int, values: Mapping[str, Form | int]) -> tuple[Terms, int]:
    """Return a form with its variables replaced; one without a replacement stays."""
    summed: dict[str, int] = {}
    for name, coefficient in terms:
        value = values.get(name)
        if value is None:
            summed[name] = summed.get(name, 0) + coefficient
        elif isinstance(value, int):
            constant += coefficient * value
        else:
            constant += coefficient * value.constant
            for inner, factor in value.terms:
                summed[inner] = summed.get(inner, 0) + coefficient * factor
    return tuple(sorted((v, c) for v, c in summed.items() if c)), constant


def quotient_name(terms: Terms, constant: int, modulus: int) -> str:
    """Return the name of the variable that is floor(form / modulus): it says so itself, see ``definition``."""
    body = " ".join(f"{c}*{v}" for v, c in terms)
    return f"div({body} {constant}|{modulus})"


def is_quotient(name: str) -> bool:
    """Return whether a variable is a quotient."""
    return name.startswith("div(")


def definition(name: str) -> tuple[Literal, ...]:
    """Return what a quotient's name means: 0 <= form - modulus * name < modulus. Nothing for any other variable."""
    if not is_quotient(name):
        return ()
    body, told = name[4:-1].rsplit("|", 1)
    *parts, constant = body.split(" ") if "div(" not in body else _nested(body)
    factors = (part.split("*", 1) for part in parts)
    summed = {v: int(c) for c, v in factors} | {name: -int(told)}
    rest = tuple(sorted((v, c) for v, c in summed.items() if c))
    at_least = compare("le", negative(rest), -int(constant))
    below = compare("le", rest, int(constant) - int(told) + 1)
    return tuple(one for one in (at_least, below) if isinstance(one, Literal))


def definitions(literal: Literal) -> tuple[Literal, ...]:
    """Return what the quotients in a literal mean, and those that they are quotients of."""
    found, seen, waiting = list[Literal](), set[str](), [name for name, _ in literal.terms]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            meant = definition(name)
            found += meant
            waiting += [inner for one in meant for inner, _ in one.terms]
    return tuple(found)


def _nested(body: str) -> list[str]:
    """Split at the blanks outside parentheses."""
    parts, depth = [""], 0
    for letter in body:
        depth += (letter == "(") - (letter == ")")
        if letter == " " and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
