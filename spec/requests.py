"""Claims about what is asked for: orders, flags, how often, and when to give up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Self

from model.events import Attempt, End, Event, Look
from model.gfp import NAMES
from spec.monitor import Matter, Monitor, require


@dataclass(frozen=True)
class OrdersFromArray(Monitor):
    """Every attempt's order is one of the array's."""

    def step(self, event: Event) -> Self:
        """Judge an attempt."""
        if isinstance(event, Attempt):
            allowed = self.matter.allowed
            require(self.matter.allows(event.order), f"an order is asked for that is not in {allowed}")
        return self


@dataclass(frozen=True)
class FallbackMayRetry(Monitor):
    """An order-0 attempt carries NORETRY if and only if the caller passed it."""

    def step(self, event: Event) -> Self:
        """Judge an attempt."""
        if isinstance(event, Attempt) and event.order == 0:
            as_passed = event.gfp.noretry == self.matter.call.gfp.noretry
            require(as_passed, "a single page is asked for with NORETRY other than the caller passed it")
        return self


@dataclass(frozen=True)
class HighOrdersNeverRetry(Monitor):
    """Every attempt above order 0 carries NORETRY."""

    def step(self, event: Event) -> Self:
        """Judge an attempt."""
        if isinstance(event, Attempt) and event.order > 0:
            require(event.gfp.noretry, "a block above order 0 is asked for without NORETRY")
        return self


@dataclass(frozen=True)
class FlagsPassThrough(Monitor):
    """Apart from NORETRY, every attempt carries exactly the caller's flags plus NOWARN and HIGHMEM."""

    def step(self, event: Event) -> Self:
        """Judge an attempt."""
        if isinstance(event, Attempt):
            passed = self.matter.call.gfp
            for name in NAMES:
                if name != "noretry":
                    expected = name in ("nowarn", "highmem") or getattr(passed, name)
                    require(getattr(event.gfp, name) == expected, f"the flag {name.upper()} is not the caller's")
            require(event.gfp.other == passed.other, "a flag that the loop has no business with was changed")
        return self


@dataclass(frozen=True)
class NeverAsksTooMuch(Monitor):
    """No attempt is for more pages than are still wanted."""

    granted: int = 0

    def step(self, event: Event) -> Self:
        """Judge an attempt, then count what it brought."""
        if isinstance(event, Attempt):
            require(
                event.pages <= self.n - self.granted, "a block is asked for that is larger than what is still wanted"
            )
            if event.granted:
                return self.but(granted=self.granted + event.pages)
        return self


@dataclass(frozen=True)
class GivesUpOnlyAtOrder0(Monitor):
    """It fails if and only if an order-0 attempt was refused."""

    page_refused: bool = False

    def step(self, event: Event) -> Self:
        """Note a refused single page; judge the end."""
        if isinstance(event, Attempt) and event.order == 0 and not event.granted:
            return self.but(page_refused=True)
        if isinstance(event, End):
            require(event.ok or self.page_refused, "it fails though no single page was refused")
            require(not event.ok or not self.page_refused, "it succeeds though a single page was refused")
        return self


@dataclass(frozen=True)
class StopsAtFirstRefusedPage(Monitor):
    """After an order-0 attempt is refused nothing more is asked for: the run ends in failure."""

    page_refused: bool = False

    def step(self, event: Event) -> Self:
        """Judge what follows a refused single page."""
        if isinstance(event, Attempt):
            require(not self.page_refused, "it asks again after a single page was refused")
            if event.order == 0 and not event.granted:
                return self.but(page_refused=True)
        if isinstance(event, End):
            require(not (event.ok and self.page_refused), "it succeeds after a single page was refused")
        return self


@dataclass(frozen=True)
class OrdersNeverIncrease(Monitor):
    """No attempt has a larger order than an earlier one."""

    lowest: int = 64  # above every order: nothing was asked for yet

    def step(self, event: Event) -> Self:
        """Judge an attempt against the smallest order so far."""
        if isinstance(event, Attempt):
            require(event.order <= self.lowest, "a larger order is asked for after a smaller one")
            return self.but(lowest=event.order)
        return self


@dataclass(frozen=True)
class RefusedOrderNotAskedAgain(Monitor):
    """Above order 0, an order that was refused is never asked for again. Watches one order."""

    watches = "order"
    heeds_others = False
    refused: bool = False

    def step(self, event: Event) -> Self:
        """Judge an attempt of the watched order."""
        if isinstance(event, Attempt) and event.order > 0 and event.order == self.watch:
            require(not self.refused, "an order is asked for again after it was refused")
            if not event.granted:
                return self.but(refused=True)
        return self


@dataclass(frozen=True)
class BigBlocksFirst(Monitor):
    """A smaller order is asked for only when every larger order of the array no longer fits or has been refused."""

    granted: int = 0
    untried: tuple[int, ...] = ()  # the array's orders that may still fit and were not refused yet

    @classmethod
    def start(cls, matter: Matter) -> Self:
        """Begin with every order of the array, or of the mask."""
        return cls(matter, untried=tuple(filter(matter.allows, matter.orders)))

    @classmethod
    def of_any_mask(cls, orders: tuple[int, ...]) -> tuple[type[Monitor], ...]:
        """Return a monitor for each order but the smallest: of all at once, too much would have to be known."""
        return tuple(_big_blocks_first(order) for order in sorted(orders)[1:]) or (cls,)

    def step(self, event: Event) -> Self:
        """Judge an attempt against every larger order."""
        if not isinstance(event, Attempt):
            return self
        for order in self.untried:
            if order > event.order:
                too_big = 1 << order > self.n - self.granted
                require(too_big, "a smaller order is asked for while a larger one fits and was not refused")
        untried = tuple(order for order in self.untried if order <= event.order)  # a larger one is too big for good
        if event.granted:
            return self.but(granted=self.granted + event.pages, untried=untried)
        return self.but(untried=tuple(order for order in untried if order != event.order))


@dataclass(frozen=True)
class BigBlockFirst(BigBlocksFirst):
    """A smaller order than one of a mask is asked for only when that one no longer fits or has been refused."""

    order: ClassVar[int] = 0

    @classmethod
    def start(cls, matter: Matter) -> Self:
        """Begin with the one order, where the mask holds it."""
        return cls(matter, untried=(cls.order,) if matter.allows(cls.order) else ())

    def step(self, event: Event) -> Self:
        """Judge an attempt until the one order is too big or was refused."""
        after = super().step(event) if self.untried else self
        return after if after.untried else after.but(granted=0)


@cache
def _big_blocks_first(order: int) -> type[BigBlockFirst]:
    return type("BigBlockFirst", (BigBlockFirst,), {"order": order})


@dataclass(frozen=True)
class OrdersDeliverable(Monitor):
    """No attempt is above the largest order that the allocator can deliver."""

    def step(self, event: Event) -> Self:
        """Judge an attempt."""
        if isinstance(event, Attempt):
            require(event.order <= self.matter.max_order, "an order is asked for that the allocator can never deliver")
        return self


@dataclass(frozen=True)
class ArrayIndexInBounds(Monitor):
    """The order array is never read outside its entries."""

    def step(self, event: Event) -> Self:
        """Judge a look into the array."""
        if isinstance(event, Look):
            require(event.index >= 0 and event.index < event.length, "the order array is read outside its entries")
        return self


@dataclass(frozen=True)
class SinglePages(Monitor):
    """With DMA_ATTR_ALLOC_SINGLE_PAGES every attempt is of order 0, and a success takes exactly n of them."""

    attempts: int = 0

    def step(self, event: Event) -> Self:
        """Judge an attempt; at a success, their number."""
        if isinstance(event, Attempt):
            require(event.order == 0, "more than a single page is asked for")
            return self.but(attempts=self.attempts + 1)
        if isinstance(event, End) and event.ok:
            require(self.attempts == self.n, "the number of attempts is not the number of pages")
        return self
