"""The worst case of a cost, as a form in n, and the monitors that say so of a run.

A cost counts attempts of one kind (``COUNTS``). Loops of this family have one of two forms: orders given up once, for
the whole call (``steps``), or asked for again for every block (``each``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from model.events import Attempt, End, Event
from spec.monitor import Matter, Monitor, require

Counts = Callable[[Attempt], bool]

COUNTS: Mapping[str, Counts] = {
    "attempts": lambda event: True,
    "refused above order 0": lambda event: event.order > 0 and not event.granted,
    "chunks": lambda event: event.granted,
}
EVERY_ORDER = tuple(range(1, 31))  # that an int can hold a block of


@dataclass(frozen=True)
class Form:
    """constant + per_page * n + the sum of [n >= 2^o] over ``steps`` + the sum of max(0, n - 2^o + 1) over ``each``.

    An order stands in ``steps`` or ``each`` as often as it counts.
    """

    constant: int = 0
    per_page: int = 0
    steps: tuple[int, ...] = ()
    each: tuple[int, ...] = ()

    def at(self, n: int) -> int:
        """Return the cost of a call for n pages."""
        again = sum(max(0, n - (1 << order) + 1) for order in self.each)
        return self.constant + self.per_page * n + sum(n >= 1 << order for order in self.steps) + again

    def of_page(self, wanted: Any) -> Any:
        """Return what the next block may cost at most with ``wanted`` pages still to get: the slope of ``each``."""
        if self.each == EVERY_ORDER:
            return wanted.bit_length() - 1 + self.per_page
        return self.per_page + sum(1 for order in self.each if wanted >= 1 << order)

    def __str__(self) -> str:
        if self.each == EVERY_ORDER and not self.steps and not self.constant:
            return {0: "nb - 2^b + b + 1 - n", 1: "(n+1)b - 2^b + 1"}.get(self.per_page, self._sum())
        return self._sum()

    def _sum(self) -> str:
        parts = [str(self.constant)] if self.constant else []
        if self.per_page:
            parts.append("n" if self.per_page == 1 else f"{self.per_page}n")
        for name, orders in (("[n >= {0}]", self.steps), ("max(0, n - {0} + 1)", self.each)):
            for order in sorted(set(orders)):
                times = orders.count(order)
                parts.append((f"{times}" if times > 1 else "") + name.format(1 << order))
        return " + ".join(parts) or "0"


@dataclass(frozen=True)
class AtMost(Monitor):
    """The cost never exceeds a form without ``each``."""

    counts: ClassVar[Counts]
    form: ClassVar[Form]
    count: int = 0
    passed: tuple[int, ...] = ()  # the steps that n is beyond

    @classmethod
    def start(cls, matter: Matter) -> Self:
        """Begin with the class of n that the steps tell apart."""
        return cls(matter, passed=passed(cls.form, matter))

    def step(self, event: Event) -> Self:
        """Count, and judge the count."""
        if not isinstance(event, Attempt) or not self.__class__.counts(event):
            return self
        most = self.form.constant + self.form.per_page * self.n + len(self.passed)
        require(self.count + 1 <= most, "the cost is above the form")
        return self.but(count=self.count + 1)


@dataclass(frozen=True)
class Attains(AtMost):
    """When every order above 0 is refused and every single page granted, the cost is the form at the end."""

    as_supposed: bool = True

    def step(self, event: Event) -> Self:
        """Count; judge the count at the end."""
        if isinstance(event, Attempt):
            as_supposed = self.as_supposed and event.granted == (event.order == 0)
            return self.but(count=self.count + bool(self.__class__.counts(event)), as_supposed=as_supposed)
        if isinstance(event, End) and self.as_supposed:
            exact = self.form.constant + self.form.per_page * self.n + len(self.passed)
            require(self.count == exact, "the cost is not the form")
        return self


@dataclass(frozen=True)
class EachAtMost(Monitor):
    """With k pages wanted the next block costs at most the form's slope at k: the sum over k = 1..n is the form.

    Each grant lowers k, so no k is paid for twice. The count is a tuple's length, so that a proof tells its values
    apart: how much was spent says how many pages are wanted at least.
    """

    counts: ClassVar[Counts]
    form: ClassVar[Form]
    spent: tuple[str, ...] = ()  # since the last grant
    granted: int = 0

    def step(self, event: Event) -> Self:
        """Judge what a block costs so far."""
        if not isinstance(event, Attempt):
            return self
        wanted = self.n - self.granted
        require(wanted >= 1, "it asks for more when nothing is wanted")
        spent = self.spent
        if self.__class__.counts(event):
            spent = (*spent, "attempt")
            require(len(spent) <= self.form.of_page(wanted), "a block costs more than the form's slope")
        return self.but(spent=(), granted=self.granted + event.pages) if event.granted else self.but(spent=spent)


@dataclass(frozen=True)
class EachAttains(Monitor):
    """When every order above 0 is refused and every single page granted, each page costs the form's slope."""

    counts: ClassVar[Counts]
    form: ClassVar[Form]
    spent: tuple[str, ...] = ()  # since the last grant
    granted: int = 0
    as_supposed: bool = True

    def step(self, event: Event) -> Self:
        """Judge the price of each single page, and that n of them are paid for."""
        if isinstance(event, Attempt):
            if not (self.as_supposed and event.granted == (event.order == 0)):
                return self.but(spent=(), granted=0, as_supposed=False)
            spent = (*self.spent, "attempt") if self.__class__.counts(event) else self.spent
            if not event.granted:
                return self.but(spent=spent)
            require(len(spent) == self.form.of_page(self.n - self.granted), "a page costs other than the form's slope")
            return self.but(spent=(), granted=self.granted + 1)
        if isinstance(event, End) and self.as_supposed:
            require(self.granted == self.n and not self.spent, "it ends with pages not paid for as supposed")
        return self


def passed(form: Form, matter: Matter) -> tuple[int, ...]:
    """Return the steps of ``form`` that the call's n is beyond."""
    return tuple(order for order in form.steps if matter.call.n >= 1 << order)


def bounds(name: str, form: Form) -> tuple[type[Monitor], type[Monitor]] | None:
    """Return the monitors that say "at most" and "attained" of a cost and its form, None where no such is known."""
    if form.each and (form.steps or form.constant):
        return None
    pair = (EachAtMost, EachAttains) if form.each else (AtMost, Attains)
    terms = {"counts": staticmethod(COUNTS[name]), "form": form}
    most, exact = (type(base.__name__, (base,), dict(terms)) for base in pair)
    return most, exact
