"""What a claim is made of: a monitor over events, in plain Python, that says no by raising Broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, ClassVar, Self

from model.events import Event
from model.loop import Call
from model.patched import IOMMU_ORDER_ARRAY

MAX_PAGE_ORDER = 10  # include/linux/mmzone.h; a configuration may raise it


class Broken(Exception):
    """The run breaks the claim; the text says how, in one sentence."""


stated: set[str] | None = None  # while somebody counts: the sentences that were put to the test


def require(holds: object, sentence: str) -> None:
    """State that ``holds``; raise Broken with ``sentence`` where it does not."""
    if stated is not None:
        stated.add(sentence)
    if not holds:
        raise Broken(sentence)


@dataclass(frozen=True)
class Matter:
    """What a run is judged by: the call, the terms of the strategy, and the one thing watched."""

    call: Call
    orders: tuple[int, ...] = IOMMU_ORDER_ARRAY  # the order array of the commit
    max_order: int = MAX_PAGE_ORDER  # the largest order that the allocator can deliver
    watch: int = 0  # an arbitrary slot, frame or order, fixed for the run

    @property
    def allowed(self) -> str:
        """Return what ``allows`` goes by, in words."""
        return "the caller's mask" if self.call.order_mask is not None else f"{{{', '.join(map(str, self.orders))}}}"

    def allows(self, order: int) -> bool:
        """Return whether ``order`` is one of the array's, or of the mask that the caller passed."""
        return order in self.orders if self.call.order_mask is None else order in self.call.order_mask

    def live_orders(self) -> tuple[int, ...]:
        """Return the live orders of the array, those before its first 0, whose blocks fit in what the call wants."""
        before_0 = takewhile(lambda order: order != 0, self.orders)
        return tuple(order for order in before_0 if order > 0 and self.call.n >= 1 << order)


@dataclass(frozen=True)
class Monitor:
    """A claim's state while a run goes by: what it is judged by, and ghost fields of the claim's own."""

    matter: Matter = field(compare=False)

    watches: ClassVar[str] = ""  # "slot", "frame", "order": which numbers ``matter.watch`` ranges over
    heeds_others: ClassVar[bool] = True  # False: an event about other slots, frames or orders changes nothing

    @classmethod
    def start(cls, matter: Matter) -> Self:
        """Return the monitor before the first event."""
        return cls(matter)

    @classmethod
    def of_any_mask(cls, orders: tuple[int, ...]) -> tuple[type[Monitor], ...]:
        """Return monitors that together judge the same where the call brings a mask, any one of ``orders``."""
        return (cls,)

    def step(self, event: Event) -> Self:
        """Return the monitor after ``event``. Raises Broken."""
        raise NotImplementedError

    def but(self, **changes: Any) -> Self:
        """Return this monitor with some ghost fields changed: ``dataclasses.replace``, at a third of its time."""
        after = object.__new__(self.__class__)
        after.__dict__.update(self.__dict__, **changes)
        return after

    @property
    def n(self) -> int:
        """Return the number of pages that the call wants."""
        return self.matter.call.n

    @property
    def watch(self) -> int:
        """Return the one slot, frame or order that is watched."""
        return self.matter.watch
