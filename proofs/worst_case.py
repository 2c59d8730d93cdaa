"""worst-case: the most that a cost can come to, as a form in n, over every n and every answer of the allocator.

Guessed:   From runs that get single pages only, every order above 0 refused, at sizes about powers of two.

Claimed:   No run costs more (by induction over turns), and for each n those answers cost just that, in a run that ends
           (``terminates``). Both shown: PROVED, and tight.

Otherwise: The most for each n up to ``CHECKED_N``, every answer tried: CHECKED <= that n, and no form is claimed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model.events import Attempt, End
from model.gfp import Gfp
from model.kernel import Crash, Kernel, PageArray, Unsupported
from model.loop import Call, Loop, Unwinding, run, take_turn
from proofs.engine.search import NeedsAnswer, Script
from proofs.engine.words import Word
from spec.claims import OURS, RETURNS, Claim, Part
from spec.targets import TARGETS, Target, before_first_0
from spec.worst import COUNTS, EVERY_ORDER, Counts, Form, bounds

if TYPE_CHECKING:
    from proofs.engine.prove import Prover

COSTS = ("attempts", "refused above order 0", "chunks", "TLB entries")  # as worst_cases yields them
PAGES = {"chunks": "n", "TLB entries": "n"}  # single pages, lying apart
STATED: dict[str, dict[str, str]] = {
    "patched": {
        "attempts": "n + [n >= 16] + [n >= 256] + [n >= 512]",
        "refused above order 0": "[n >= 16] + [n >= 256] + [n >= 512]",  # three at most
        **PAGES,
    },
    "single-pages": {"attempts": "n", "refused above order 0": "0", **PAGES},
    "pre-patch": {"attempts": "(n+1)b - 2^b + 1", "refused above order 0": "nb - 2^b + b + 1 - n", **PAGES},
}

CHECKED_N = 64
MEASURED_ORDERS = range(1, 11)  # powers of two about which runs are made
MOST_ATTEMPTS = 100_000  # of one of those runs
MOST_STATES = 200_000  # of one size, every answer tried


class NoWorst(Exception):
    """The worst case of a call cannot be found; the text says why."""


@dataclass(frozen=True)
class WorstCase:
    """The worst case of one cost of one loop. ``form`` is None where none is proved."""

    cost: str
    word: Word
    form: Form | None = None
    reason: str = ""
    values: tuple[int, ...] = ()  # for n = 0, 1, ..., where it was checked

    def __str__(self) -> str:
        if self.form is not None:
            return f"{self.form}  {self.word.value}, tight"
        if self.values:
            return f"{self.values[-1]} at n = {len(self.values) - 1}  {self.word.value} <= {len(self.values) - 1}"
        return f"{self.word.value}: {self.reason}"


class PagesOnly:
    """An allocator that refuses every block above order 0 and grants every single page."""

    def __init__(self) -> None:
        self.next_frame = 0

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the next page, or None for a block."""
        if order:
            return None
        self.next_frame += 1
        return self.next_frame

    def free_pages(self, frame: int, order: int) -> None:
        """Keep what is freed."""


def costs_on_pages_only(target: Target, n: int) -> dict[str, int] | None:
    """Return every cost of one call that gets single pages only, None where it does not succeed."""
    found = dict.fromkeys(COUNTS, 0)
    attempts, succeeds = 0, False
    try:
        for event in run(target.loop, Call(n, single_pages=target.single_pages), Kernel(PagesOnly(), PageArray())):
            if isinstance(event, Attempt):
                attempts += 1
                for name, counts in COUNTS.items():
                    found[name] += counts(event)
            if attempts > MOST_ATTEMPTS:
                return None
            succeeds = isinstance(event, End) and event.ok
    except (Crash, Unsupported):
        return None
    return found if succeeds else None


def measured(target: Target) -> dict[int, dict[str, int]] | None:
    """Return the costs of some sizes, None where one of the calls does not succeed."""
    about = {(1 << order) + more for order in MEASURED_ORDERS for more in (-1, 0, 1)}
    found = {}
    for n in sorted({0, 1} | about):
        costs = costs_on_pages_only(target, n)
        if costs is None:
            return None
        found[n] = costs
    return found


def fitted(values: Mapping[int, int], beyond: Sequence[int] = ()) -> Form | None:
    """Return the form that has those values at 0, 1 and about powers of two, None where none has.

    ``beyond`` are orders above those measured that may count as steps.
    """
    slope = values[1] - values[0]
    per_page, steps, each = slope, list[int](), list[int]()
    for order in MEASURED_ORDERS:
        size = 1 << order
        after = values[size + 1] - values[size] if order > 1 else values[3] - values[2]
        jump = values[size] - values[size - 1] - after
        if after < slope or jump < 0 or after - slope > 8 or jump > 8:
            return None
        each += [order] * (after - slope)
        steps += [order] * jump
        slope = after
    if tuple(each) == EVERY_ORDER[: len(MEASURED_ORDERS)]:
        each = list(EVERY_ORDER)
    elif not each and steps == list(MEASURED_ORDERS):
        steps = list(EVERY_ORDER)
    elif not each and steps:
        steps += beyond
    form = Form(values[0], per_page, tuple(steps), tuple(each))
    return form if all(form.at(n) == value for n, value in values.items()) else None


def live_beyond(target: Target) -> list[int]:
    """Return the orders of the array, those before its first 0, that are above every size measured."""
    live = before_first_0(target.orders) if target.reads_order_array else ()
    return sorted(order for order in live if order > MEASURED_ORDERS[-1])


def most_of(loop: Loop, call: Call, counts: Counts) -> int:
    """Return the most that a cost of one call can come to, every answer tried. Raises NoWorst."""
    first = loop.start(call)
    edges: dict[Any, list[tuple[int, Any]]] = {}
    most: dict[Any, int] = {}
    pending, entered = [first], set[Any]()
    while pending:
        state = pending[-1]
        if isinstance(state, End | Unwinding):  # a rollback asks for nothing
            most[state] = 0
        if state in most:
            pending.pop()
            continue
        if state not in edges:
            if len(edges) >= MOST_STATES:
                raise NoWorst("too many states")
            edges[state] = list(_turns(loop, call, state, counts))
        missing = [after for _, after in edges[state] if after not in most]
        if missing and state in entered:
            raise NoWorst("a run comes back to where it was")
        entered.add(state)
        if missing:
            pending += missing
        else:
            most[state] = max(cost + most[after] for cost, after in edges[state])
            pending.pop()
    return most[first]


def _turns(loop: Loop, call: Call, state: Any, counts: Counts) -> Any:
    scripts: list[tuple[bool, ...]] = [()]
    while scripts:
        script = scripts.pop()
        try:
            after, events = take_turn(loop, call, state, Kernel(Script(script), Unread()))
        except NeedsAnswer:
            scripts += [(*script, False), (*script, True)]
            continue
        except Crash as crash:
            raise NoWorst(crash.reason) from None
        yield sum(counts(event) for event in events if isinstance(event, Attempt)), after


class Unread(PageArray):
    """A page array that nothing may be read from: a state alone must say how the run goes on."""

    def load(self, slot: int) -> int | None:
        """Raise NoWorst."""
        raise NoWorst("a turn reads the page array")


def worst_case(prover: Prover, name: str, values: Mapping[int, int] | None) -> WorstCase:
    """Return the worst case of the cost ``name``; ``values`` are those of runs on single pages only, by n."""
    target = prover.target
    form = fitted(values, live_beyond(target)) if values is not None else None
    monitors = bounds(name, form) if form is not None else None
    if form is not None and monitors is not None and prover.ends:
        parts = (Part(monitors[0]), Part(monitors[1]))
        claim = Claim("worst-case", f"{name} <= {form}, attained for every n", OURS, parts, (RETURNS,))
        if prover.prove_claim(claim).word is Word.PROVED:
            return WorstCase(name, Word.PROVED, form)
    try:
        calls = [Call(n, single_pages=target.single_pages) for n in range(CHECKED_N + 1)]
        found = tuple(most_of(target.loop, call, COUNTS[name]) for call in calls)
    except (NoWorst, Crash, Unsupported) as why:
        return WorstCase(name, Word.UNKNOWN, reason=str(why))
    return WorstCase(name, Word.CHECKED, values=found)


def of_tlb_entries(chunks: WorstCase, page_total: Word) -> WorstCase:
    """Return the worst case of entries of an IOMMU that has pages of 4 KiB.

    An entry maps at least a page, and no page twice: at most n, where the pages add up to n. Where n chunks are
    attained they are single pages, and the allocator may answer with such as lie apart: n entries.
    """
    if chunks.form == Form(per_page=1) and page_total is Word.PROVED:
        return WorstCase("TLB entries", Word.PROVED, chunks.form)
    return WorstCase("TLB entries", Word.UNKNOWN, reason="known only where n chunks, of n pages in all, are the worst")


def worst_cases(target: Target, prover: Prover | None = None) -> Iterator[WorstCase]:
    """Yield the worst case of every cost; ``prover``: one of this target that is there already."""
    from proofs.engine.prove import Prover

    prover, costs = prover or Prover(target), measured(target)
    for name in COUNTS:
        values = None if costs is None else {n: by_name[name] for n, by_name in costs.items()}
        found = worst_case(prover, name, values)
        yield found
        if name == "chunks":
            yield of_tlb_entries(found, prover.prove("page-total").word)


def shown(name: str) -> Iterator[tuple[WorstCase, bool]]:
    """Yield the worst cases of one target, and whether each is the one that this file states."""
    for found in worst_cases(TARGETS[name]):
        yield found, found.word is Word.PROVED and str(found.form) == STATED[name][found.cost]


def main() -> None:
    """Print the worst cases of the three loops; exit with 0 if each is PROVED, and the one stated."""
    good = True
    print("worst-case: the most that a cost can come to, over every n and every answer; b is the bit length of n")
    for name in TARGETS:
        for found, as_stated in shown(name):
            good &= as_stated
            print(f"  {name:<12}  {found.cost:<22}{found}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
