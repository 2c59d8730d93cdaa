"""never-more-attempts-than-before: "the patched loop never makes more attempts than the old one on the same memory".

An honest negative: it is REFUTED. The patch trades the best case for the worst one.

Searched:  Every free list with blocks of the orders 0 to 3, for n = 1, 2, ...: smallest n, then fewest free pages.

Shown:     The smallest memory on which the patched loop makes more calls, both loops re-run on the page allocator.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from model.buddy import Migrate, ZoneState
from model.events import Attempt
from model.kernel import Kernel, PageArray
from model.loop import Call, Loop, run
from model.machine import Machine
from spec.targets import TARGETS

ORDERS = 4  # blocks of orders 0 to 3
MOST_BLOCKS = 2  # of each order
MOST_PAGES = 8  # sizes tried


@dataclass(frozen=True)
class Found:
    """A memory state and a size on which the new loop makes more attempts than the old one."""

    n: int
    blocks: tuple[int, ...]  # free blocks by order
    before: int
    after: int

    @property
    def buddyinfo(self) -> str:
        """Return the memory as a line of /proc/buddyinfo."""
        return "Node 0, zone   Normal " + "".join(f"{count:7}" for count in (*self.blocks, *[0] * (11 - ORDERS)))


def attempts(loop: Loop, n: int, blocks: tuple[int, ...]) -> int:
    """Return how often ``loop`` asks the page allocator for n pages on that memory."""
    machine = Machine([ZoneState(0, "Normal", {Migrate.UNMOVABLE: (*blocks, *[0] * (11 - ORDERS))})])
    return sum(isinstance(event, Attempt) for event in run(loop, Call(n), Kernel(machine, PageArray())))


def states() -> Iterator[tuple[int, ...]]:
    """Yield free lists, fewest free pages first."""
    every = product(range(MOST_BLOCKS + 1), repeat=ORDERS)
    yield from sorted(every, key=lambda blocks: (sum(count << order for order, count in enumerate(blocks)), blocks))


def smallest() -> Found | None:
    """Return the smallest counterexample, None when there is none within the bounds."""
    before, after = TARGETS["pre-patch"].loop, TARGETS["patched"].loop
    for n in range(1, MOST_PAGES + 1):
        for blocks in states():
            old, new = attempts(before, n, blocks), attempts(after, n, blocks)
            if new > old:
                return Found(n, blocks, old, new)
    return None


def main() -> None:
    """Print the counterexample; exit with 0 if there is one, as this file says."""
    found = smallest()
    print("never-more-attempts-than-before: the patched loop never makes more attempts than the old one")
    if found is None:
        print("  patched       UNKNOWN  no counterexample within the bounds searched")
        sys.exit(1)
    print(f"  patched       REFUTED  n = {found.n}: {found.after} attempts, {found.before} before the patch")
    print(f"    {found.buddyinfo}")
    sys.exit(0)


if __name__ == "__main__":
    main()
