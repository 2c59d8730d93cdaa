"""What two strategies cost: the worst case of each, and where the new one does worst on the same memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proofs.worst_case import WorstCase, worst_cases
from spec.targets import Target
from stepdown.regression import CHECKED_N, LARGER, Worse, most_large_blocks, regressions


def worst_of(target: Target, max_order: int) -> Iterator[WorstCase]:
    """Yield the worst case of every cost."""
    from proofs.engine.words import Word

    yield from worst_cases(target)
    values = most_large_blocks(target, max_order)
    if values is None:
        yield WorstCase("large blocks", Word.UNKNOWN, reason="a call fails on memory that is large enough")
    else:
        yield WorstCase("large blocks", Word.CHECKED, values=values)


def told(old: Target, new: Target, max_order: int, page_orders: tuple[int, ...]) -> Iterator[str]:
    """Yield the lines of the two tables, as they are found."""
    yield "\nworst cases, over every answer of the allocator; b is the bit length of n"
    for before, after in zip(worst_of(old, max_order), worst_of(new, max_order), strict=True):
        yield f"  {before.cost:<23}old  {before}"
        yield f"  {'':<23}new  {after}"
    yield "  large blocks: free ones of order 9 that are lost, of a memory that has no smaller ones"
    small, larger = regressions(old, new, max_order, page_orders)
    yield f"\nwhere NEW is worst against OLD, both on the same memory of blocks up to order {max_order}"
    for worse in small:
        yield f"  {_line(worse)}  CHECKED <= {CHECKED_N}"
    for worse in larger:
        yield f"  {_line(worse)}  SAMPLED, {LARGER[0]} to {LARGER[-1]} pages"
    if not small and not larger:
        yield f"  nowhere: CHECKED <= {CHECKED_N} pages, and SAMPLED up to {LARGER[-1]}"
    yield "  checked: one zone, any number of free blocks of each order, enough for both"


def _line(worse: Worse) -> str:
    return f"{worse.measure:<23}{f'{worse.new} for {worse.old}':<15}n = {worse.n:<6}{worse.buddyinfo}"


def as_dict(old: Target, new: Target, max_order: int, page_orders: tuple[int, ...]) -> dict[str, Any]:
    """Return the same for machines."""

    def case(found: WorstCase) -> dict[str, Any]:
        checked = {"n": len(found.values) - 1, "most": found.values[-1]} if found.values else None
        form = None if found.form is None else str(found.form)
        return {"cost": found.cost, "verdict": found.word.value, "form": form, "checked": checked}

    def grown(found: list[Worse]) -> list[dict[str, Any]]:
        return [{"cost": w.measure, "n": w.n, "old": w.old, "new": w.new, "state": w.buddyinfo} for w in found]

    small, larger = regressions(old, new, max_order, page_orders)
    targets = {"old": old, "new": new}
    return {
        "worst": {name: [case(one) for one in worst_of(target, max_order)] for name, target in targets.items()},
        "regressions": {"checked_up_to": CHECKED_N, "checked": grown(small), "sampled": grown(larger)},
    }
