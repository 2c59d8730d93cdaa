"""Claims about how often the page allocator is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from model.events import Attempt, Back, End, Event, Turn
from spec.monitor import Matter, Monitor, require


@dataclass(frozen=True)
class AttemptsBounded(Monitor):
    """attempts <= n + the number of orders above 0 in the array whose blocks fit in n pages."""

    attempts: int = 0
    live: tuple[int, ...] = ()

    @classmethod
    def start(cls, matter: Matter) -> Self:
        """Begin with the orders that fit: the classes of n that the bound tells apart."""
        return cls(matter, live=matter.live_orders())

    def step(self, event: Event) -> Self:
        """Count an attempt and judge the count."""
        if isinstance(event, Attempt):
            require(self.attempts + 1 <= self.n + len(self.live), "there are more attempts than the bound")
            return self.but(attempts=self.attempts + 1)
        return self


@dataclass(frozen=True)
class CostAfter(Monitor):
    """When every order above 0 is refused and every single page granted: attempts = n + the orders that fit."""

    attempts: int = 0
    as_supposed: bool = True  # so far every order above 0 was refused, every single page granted
    live: tuple[int, ...] = ()

    @classmethod
    def start(cls, matter: Matter) -> Self:
        """Begin with the orders that fit."""
        return cls(matter, live=matter.live_orders())

    def step(self, event: Event) -> Self:
        """Count an attempt; judge the count at the end."""
        if isinstance(event, Attempt):
            as_supposed = self.as_supposed and event.granted == (event.order == 0)
            return self.but(attempts=self.attempts + 1, as_supposed=as_supposed)
        if isinstance(event, End) and self.as_supposed:
            require(self.attempts == self.n + len(self.live), "the number of attempts is not the exact cost")
        return self


@dataclass(frozen=True)
class CostBefore(Monitor):
    """When every order above 0 is refused and every single page granted: with k pages wanted, the next page costs
    bit_length(k) attempts. The sum over k = 1..n is the closed form: proofs/cost_before.py."""

    attempts: int = 0  # since the last grant
    granted: int = 0
    as_supposed: bool = True

    def step(self, event: Event) -> Self:
        """Judge the price of each single page."""
        if isinstance(event, Attempt):
            if not (self.as_supposed and event.granted == (event.order == 0)):
                return self.but(attempts=0, granted=0, as_supposed=False)
            if not event.granted:
                return self.but(attempts=self.attempts + 1)
            wanted = self.n - self.granted
            require(wanted.bit_length() == self.attempts + 1, "a single page costs other than bit_length(pages wanted)")
            return self.but(attempts=0, granted=self.granted + 1)
        if isinstance(event, End) and self.as_supposed:
            require(self.granted == self.n and self.attempts == 0, "it ends with pages not paid for as supposed")
        return self


def closed_form(n: int) -> int:
    """Return (n + 1) * b - 2^b + 1, b the bit length of n: the sum of bit_length(k) over k = 1..n."""
    b = n.bit_length()
    return (n + 1) * b - (1 << b) + 1


@dataclass(frozen=True)
class PassesBounded(Monitor):
    """At most ``n + spare`` passes of "while (count)" and n steps of the rollback: the concrete side of terminates."""

    spare: ClassVar[int] = 0
    passes: int = 0
    steps: int = 0  # of the rollback

    def step(self, event: Event) -> Self:
        """Count a pass, or a step of the rollback."""
        if isinstance(event, Turn):
            require(self.passes + 1 <= self.n + self.spare, f"there are more than n + {self.spare} passes")
            return self.but(passes=self.passes + 1)
        if isinstance(event, Back):
            require(self.steps + 1 <= self.n, "the rollback takes more than n steps")
            return self.but(steps=self.steps + 1)
        return self


def passes_bounded(spare_passes: int) -> type[PassesBounded]:
    """Return the monitor that allows ``n + spare_passes`` passes."""
    return type("PassesBounded", (PassesBounded,), {"spare": spare_passes})
