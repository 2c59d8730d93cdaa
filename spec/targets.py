"""What can be judged by name: a loop, how it is called, and for which sizes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from model.loop import Loop
from model.patched import IOMMU_ORDER_ARRAY, Patched
from model.pre_patch import PrePatch


@dataclass(frozen=True)
class Target:
    """A loop under one way of calling it."""

    name: str
    loop: Loop
    sentence: str
    single_pages: bool = False  # called with DMA_ATTR_ALLOC_SINGLE_PAGES
    int_only: bool = False  # every n that an int holds, instead of every n at all
    reads_order_array: bool = True
    orders: tuple[int, ...] = IOMMU_ORDER_ARRAY  # the array that the claims mean
    steps_down_for_good: bool = True  # a refused order is never tried again: the patch's promise
    spare_passes: int = len(IOMMU_ORDER_ARRAY) - 1  # it is claimed to end within n passes and so many more
    most_n: int | None = None  # the largest n that the caller can express; None: every n
    promises_instead: tuple[tuple[str, str], ...] = ()  # claim, and what the loop promises in its place
    where: str = ""  # file:line of the loop, for a target that a user named
    notes: tuple[str, ...] = ()  # what was made of it where it was read from C
    readings: tuple[Target, ...] = ()  # the same function under other settings: a claim must hold in all

    @property
    def sizes(self) -> str:
        """Return the domain of a proof, in words."""
        if self.most_n is not None:
            largest = sorted({reading.most_n or 0 for reading in self.readings or (self,)})
            return f"every n that its size can express, 0 to {' or '.join(map(_power, largest))}"
        return "every n that an int holds, 0 to 2^31 - 1" if self.int_only else "every n >= 0"


def _power(number: int) -> str:
    bits = (number + 1).bit_length() - 1
    return f"2^{bits} - 1" if number + 1 == 1 << bits else f"{number}"


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("patched", Patched(), "Linux 4.6 to 7.3, without DMA_ATTR_ALLOC_SINGLE_PAGES"),
        Target("single-pages", Patched(), "Linux 4.6 to 7.3, with DMA_ATTR_ALLOC_SINGLE_PAGES", single_pages=True),
        Target(
            "pre-patch",
            PrePatch(),
            "Linux 4.1 to 4.5",
            int_only=True,
            reads_order_array=False,
            steps_down_for_good=False,
            spare_passes=0,
        ),
    )
}


MOST_ENTRIES = 16  # of an order array that a user gives
ASKED_FOR_BY_AN_INT = 30  # __fls() of the largest count
BEYOND_ANY_COUNT = 62


def before_first_0(orders: tuple[int, ...]) -> tuple[int, ...]:
    """Return the entries that a walk down an order array may step over: a pass may be spent on each."""
    return tuple(takewhile(lambda order: order != 0, orders))


def of_order_array(orders: tuple[int, ...], single_pages: bool = False) -> Target:
    """Return the patched loop with another order array.

    Negative entries and those above every count are skipped, as C compares them; the proof is then for every n that
    an int holds.
    """
    spare_passes = len(before_first_0(orders))
    dead = orders[spare_passes + 1 :]
    skipped = tuple(order for order in orders if not 0 <= order <= ASKED_FOR_BY_AN_INT)
    notes = [
        "Safe if and only if a 0 is among the entries"
        f" ({'it is' if 0 in orders else 'none is'}); with DMA_ATTR_ALLOC_SINGLE_PAGES if and only if the last"
        " entry is 0"
        f" ({'it is' if orders[-1] == 0 else f'it is {orders[-1]}'}). For every array: python -m proofs.order_arrays."
    ]
    if dead and not single_pages:
        notes.append(f"Never read: the entries after the first 0 ({', '.join(map(str, dead))}).")
    if skipped:
        notes.append(f"Never asked for: {', '.join(map(str, skipped))}; no count is as large, C compares as unsigned.")
    text = ",".join(map(str, orders))
    return Target(
        f"--orders {text}{' --single-pages' if single_pages else ''}",
        Patched(orders),
        f"the patched loop with the order array {{{text.replace(',', ', ')}}}"
        + (", called with DMA_ATTR_ALLOC_SINGLE_PAGES" if single_pages else ""),
        single_pages=single_pages,
        int_only=bool(skipped),
        orders=tuple(order for order in orders if order <= BEYOND_ANY_COUNT),
        spare_passes=spare_passes,
        notes=tuple(notes),
    )
