"""A number that moves by the same step in every pass of a loop, and the questions that were asked of it."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, NoReturn

COMPARISONS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


class NotALine(Exception):
    """The loop is more than a fill."""


@dataclass
class Test:
    """A question that a pass asked of a line: ``base + k * step`` compared with 0, and its answer for k = 0."""

    sign: str
    base: Any
    step: int
    answer: bool

    def passes(self) -> Any | None:
        """Return for how many k from 0 on the answer stays what it is; None: for ever."""
        base, step = self.base, self.step
        if not step:
            return None
        if self.sign in ("==", "!="):
            if self.answer == (self.sign == "=="):
                return 1
            crossing = -base // step if step > 0 else base // -step
            return crossing if crossing > 0 and base + crossing * step == 0 else None
        if self.sign in (">", ">="):
            base, step = -base, -step
        if self.sign in ("<=", ">="):
            base = base - 1
        if self.answer == (step < 0):  # "base + k * step < 0" holds, and the line falls; or neither
            return None
        return -(base // step) if self.answer else base // -step + 1

    @staticmethod
    def passes_of(most: list[Test], others: list[Test]) -> Any | None:
        """Return for how many k from 0 on all answers stay what they are, those of ``most`` asked first."""
        least = None
        for test in (*most, *others):
            passes = test.passes()
            if passes is not None and (least is None or passes < least):
                least = passes
        return least


class Line:
    """A number that is ``base + step * k`` in the k-th pass."""

    def __init__(self, base: Any, step: int, tests: list[Test]) -> None:
        self.base = base
        self.step = step
        self.tests = tests

    def __add__(self, other: Any) -> Line:
        if isinstance(other, Line):
            return Line(self.base + other.base, self.step + other.step, self.tests)
        return Line(self.base + other, self.step, self.tests)

    __radd__ = __add__

    def __neg__(self) -> Line:
        return Line(-self.base, -self.step, self.tests)

    def __sub__(self, other: Any) -> Line:
        if isinstance(other, Line):
            return Line(self.base - other.base, self.step - other.step, self.tests)
        return Line(self.base - other, self.step, self.tests)

    def __rsub__(self, other: Any) -> Line:
        return Line(other - self.base, -self.step, self.tests) if not isinstance(other, Line) else other - self

    def _ask(self, sign: str, other: Any) -> bool:
        difference = self - other
        answer = bool(COMPARISONS[sign](difference.base, 0))
        self.tests.append(Test(sign, difference.base, difference.step, answer))
        return answer

    def __lt__(self, other: Any) -> bool:
        return self._ask("<", other)

    def __le__(self, other: Any) -> bool:
        return self._ask("<=", other)

    def __gt__(self, other: Any) -> bool:
        return self._ask(">", other)

    def __ge__(self, other: Any) -> bool:
        return self._ask(">=", other)

    def __eq__(self, other: object) -> bool:
        return self._ask("==", other)

    def __ne__(self, other: object) -> bool:
        return self._ask("!=", other)

    def _no_line(self, *_: object) -> NoReturn:
        raise NotALine

    def __mod__(self, modulus: Any) -> Line:
        """Return the number as a type of that many values holds it, a line while it does not wrap again."""
        if modulus < 1 << 8:  # no type's
            raise NotALine
        rest = Line(self.base % modulus, self.step, self.tests)
        return rest if rest >= 0 and rest < modulus else self._no_line()

    __hash__: Any = _no_line
    __bool__: Any = _no_line
    __mul__ = __rmul__ = __rmod__ = __floordiv__ = __rfloordiv__ = __lshift__ = __rlshift__ = _no_line
    __rshift__ = __rrshift__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _no_line
    __index__: Any = _no_line
    __int__: Any = _no_line
    bit_length: Any = _no_line
