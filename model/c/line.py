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

    def same_at(self, k: int) -> bool:
        """Return whether the answer is the same from 0 to ``k``."""
        if not self.step:
            return True
        last = self.base + k * self.step
        if self.sign not in ("==", "!="):
            return bool(COMPARISONS[self.sign](last, 0)) == self.answer
        if self.answer != (self.sign == "!="):
            return k == 0
        return bool(self.base > 0 and last > 0) or bool(self.base < 0 and last < 0)

    def passes(self) -> int | None:
        """Return for how many k from 0 on the answer stays what it is; None: for ever."""
        base, step = self.base.__index__(), self.step
        if not step:
            return None
        if self.sign in ("==", "!="):
            if self.answer == (self.sign == "=="):
                return 1
            return None if -base % step or -base // step < 0 else -base // step
        guess = max(0, -base // step - 1)  # an order changes its answer where the line crosses 0, or beside it
        holds = COMPARISONS[self.sign]
        return next((k for k in range(guess, guess + 4) if bool(holds(base + k * step, 0)) != self.answer), None)


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

    __hash__: Any = _no_line
    __bool__: Any = _no_line
    __mul__ = __rmul__ = __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __lshift__ = __rlshift__ = _no_line
    __rshift__ = __rrshift__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _no_line
    __index__: Any = _no_line
    __int__: Any = _no_line
    bit_length: Any = _no_line
