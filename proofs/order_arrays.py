"""order-arrays: which arrays the patched loop is safe with, for every array of ints, whatever its length.

Claimed:   Without the single-pages attribute no read is outside the array if and only if a 0 is among its entries;
           with it, if and only if the last entry is 0: "array must end with 0!".

Assumed:   An array holds C ints, negative ones and ones above every block size too. n is what an int holds.

Shown:     If: be ``zero`` the index of some 0, at or after the index that the call starts with. From every state with
           0 <= order_idx <= zero one turn reads within the array and keeps that.
           Only if: with one page wanted, an entry that is not 0 costs one step of order_idx and nothing else; so where
           no 0 stands at or after the start, the index runs off the end, and n = 1 breaks array-index-in-bounds.

Not empty: Turns of every kind are among those looked at: skipped, refused, granted, at the 0 and before it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from model.events import Attempt, End, Event
from model.gfp import Gfp
from model.kernel import Crash, Kernel
from model.loop import Call, Loop, Unwinding, take_turn
from model.patched import Filling, Patched

INT_MIN, INT_MAX = -(2**31), 2**31 - 1


@dataclass(frozen=True)
class Turned:
    """One path of a turn: what is wrong with it, if anything, and what happened."""

    wrong: str
    events: tuple[Event, ...]
    skipped: bool = False


class AnyMemory:
    """An allocator that gives any answer, and a page array that nobody reads."""

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return a block or None."""
        from proofs.engine.symbols import boolean

        return 0 if boolean("granted") else None

    def free_pages(self, frame: int, order: int) -> None:
        """Take it back."""

    def store(self, slot: int, frame: int, pages: int) -> None:
        """Forget it."""

    def load(self, slot: int) -> int | None:
        """Return nothing."""
        return None

    def erase(self, slot: int) -> None:
        """Forget that, too."""


class AnyArray(Kernel):
    """A kernel whose order array has any length and any entries; ``known`` are the entries that are known."""

    def __init__(self, length: Any, known: tuple[tuple[Any, Any], ...]) -> None:
        super().__init__(AnyMemory(), AnyMemory())
        self.length = length
        self.known = known

    def look(self, array: Sequence[int], index: int) -> int:
        """Return the entry at ``index``."""
        from proofs.engine.symbols import variable

        if index < 0 or index >= self.length:
            raise Crash("array-index-in-bounds", "the order array is read outside its entries")
        for at, entry in self.known:
            if index == at:
                known: int = entry
                return known
        unknown: Any = variable("entry")
        found: int = unknown
        return found


def paths(loop: Loop, known: tuple[tuple[Any, Any], ...], keeps: Any, *given: Any) -> Iterator[Turned]:
    """Yield every path of one turn under ``given``; ``keeps(before, after)`` says what is wrong with it, or ""."""
    from proofs.engine.explorer import Explorer
    from proofs.engine.solver import Solver
    from proofs.engine.symbols import variable
    from proofs.engine.system import literals_of, symbolic_call

    entry, length = variable("entry"), variable("length")
    before = Filling(*(variable(name) for name in ("i", "count", "order_idx")))  # type: ignore[arg-type] # symbols
    call: Call = symbolic_call(False)
    domain = (
        before.i >= 0,
        before.count <= INT_MAX,
        before.count >= 1,
        entry >= INT_MIN,
        entry <= INT_MAX,
        length >= 1,
    )

    def turn() -> Turned:
        kernel = AnyArray(length, known)
        try:
            after, events = take_turn(loop, call, before, kernel)
        except Crash as crash:
            return Turned(crash.reason, tuple(kernel.events))
        skipped = isinstance(after, Filling) and not any(isinstance(event, Attempt) for event in events)
        return Turned(keeps(before, after), tuple(events), skipped)

    for path in Explorer[Turned](Solver(), literals_of(*domain, *given)).paths(turn):
        assert path.result is not None
        yield path.result


def safe_with_a_0(loop: Loop) -> list[Turned]:
    """Return the paths of a turn at or before some 0 of the array; safe: none is wrong."""
    from proofs.engine.symbols import variable

    index, zero, length = variable("order_idx"), variable("zero"), variable("length")

    def keeps(before: Filling, after: Filling | Unwinding | End) -> str:
        if not isinstance(after, Filling):
            return ""
        return "" if after.order_idx >= 0 and after.order_idx <= zero else "the index goes beyond a 0"

    return list(paths(loop, ((zero, 0),), keeps, index >= 0, index <= zero, zero < length))


def runs_off_without_a_0(loop: Loop) -> list[Turned]:
    """Return the paths of a turn with one page wanted, at an entry that is not 0; it runs off: none is wrong."""
    from proofs.engine.symbols import variable

    index, entry, length = variable("order_idx"), variable("entry"), variable("length")

    def keeps(before: Filling, after: Filling | Unwinding | End) -> str:
        if isinstance(after, Filling) and after.order_idx == before.order_idx + 1 and after.count == before.count:
            return ""
        return "the turn does more than step to the next entry"

    wanted = variable("count") == 1
    found = []
    for not_0 in (entry < 0, entry > 0):
        found += list(paths(loop, (), keeps, index >= 0, index < length, wanted, not_0))
    return found


def starts_where_claimed(loop: Patched) -> bool:
    """Return whether calls start at the first entry, with the attribute at the last one."""
    last = len(loop.order_array) - 1
    return (loop.start(Call(1)).order_idx, loop.start(Call(1, single_pages=True)).order_idx) == (0, last)


def shown(loop: Patched) -> tuple[bool, int]:
    """Return whether the theorem holds of ``loop``, and the number of paths looked at."""
    both = (safe_with_a_0(loop), runs_off_without_a_0(loop))
    kinds = {(turned.skipped, any(isinstance(e, Attempt) and e.granted for e in turned.events)) for turned in both[0]}
    every_kind = kinds == {(True, False), (False, True), (False, False)} and bool(both[1])
    wrong = any(turned.wrong for found in both for turned in found)
    return starts_where_claimed(loop) and every_kind and not wrong, sum(map(len, both))


def safe(orders: Sequence[int], single_pages: bool) -> bool:
    """Return the side condition that the theorem gives: may the loop be called with this array?"""
    return orders[-1] == 0 if single_pages else 0 in orders


def main() -> None:
    """Print the theorem's verdict; exit with 0 if it is PROVED."""
    holds, count = shown(Patched())
    print(
        "order-arrays: safe if and only if a 0 is among the entries; with DMA_ATTR_ALLOC_SINGLE_PAGES, if the last is 0"
    )
    print(f"  every array of ints  {'PROVED' if holds else 'UNKNOWN'}  ({count} paths)")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
