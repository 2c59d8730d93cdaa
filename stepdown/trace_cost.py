"""What attempts cost: time, compactions and reclaims, by order and answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from model.recorded import Work
from stepdown.picture import plural

NO_TIMES = "no attempt has a begin and an end: probe __alloc_pages and its return"


@dataclass
class Sum:
    """The attempts of one order with one answer, together."""

    attempts: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    compactions: int = 0
    reclaims: int = 0

    def add(self, work: Work) -> None:
        """Add one attempt."""
        self.attempts += 1
        self.seconds += work.seconds
        self.longest = max(self.longest, work.seconds)
        self.compactions += work.compactions
        self.reclaims += work.reclaims


class Cost:
    """What all attempts of a trace cost; each takes no memory of its own."""

    def __init__(self) -> None:
        self.sums: dict[tuple[int, bool], Sum] = {}

    def add(self, works: Iterable[Work]) -> None:
        """Add the attempts of one call."""
        for work in works:
            self.sums.setdefault((work.order, work.granted), Sum()).add(work)

    def rows(self) -> list[tuple[int, bool, Sum]]:
        """Return the sums, the largest order first, the refused before the granted."""
        keys = sorted(self.sums, key=lambda key: (-key[0], key[1]))
        return [(order, granted, self.sums[order, granted]) for order, granted in keys]

    def text(self) -> list[str]:
        """Return the table."""
        rows = self.rows()
        if not rows:
            return [f"cost: {NO_TIMES}"]
        head = f"{'order':>5}  {'answer':<8}  {'attempts':>8}  {'total':>10}  {'mean':>10}  {'longest':>10}"
        lines = [
            "cost of the loop's attempts, with that of tracing them",
            f"{head}  {'compactions':>11}  {'reclaims':>8}",
        ]
        for order, granted, cost in rows:
            times = (cost.seconds, cost.seconds / cost.attempts, cost.longest)
            lines.append(
                f"{order:>5}  {'granted' if granted else 'refused':<8}  {cost.attempts:>8}  "
                + "  ".join(f"{time_text(time):>10}" for time in times)
                + f"  {cost.compactions:>11}  {cost.reclaims:>8}"
            )
        refused = [cost for _, granted, cost in rows if not granted]
        spent, all_spent = sum(cost.seconds for cost in refused), sum(cost.seconds for _, _, cost in rows)
        share = f"{100 * spent / all_spent:.0f} %" if all_spent else "none"
        number = plural(sum(cost.attempts for cost in refused), "refused attempt")
        return [*lines, f"{number}: {time_text(spent)}, {share} of the time in the page allocator"]

    def as_list(self) -> list[dict[str, Any]]:
        """Return the table as JSON has it; times in seconds."""
        return [
            {
                "order": order, "answer": "granted" if granted else "refused", "attempts": cost.attempts,
                "seconds": round(cost.seconds, 9), "longest_seconds": round(cost.longest, 9),
                "compactions": cost.compactions, "reclaims": cost.reclaims,
            }
            for order, granted, cost in self.rows()
        ]  # fmt: skip


def time_text(seconds: float) -> str:
    """Return a time in us, ms or s, with the digits that a trace has."""
    microseconds = seconds * 1e6
    if microseconds < 1000:
        return f"{microseconds:.1f} us".replace(".0 ", " ")
    return f"{microseconds / 1000:.2f} ms" if microseconds < 1e6 else f"{seconds:.2f} s"
