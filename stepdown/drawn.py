"""Every memory that loops can tell apart: how many blocks are free is decided only when a loop's answer hangs on it.

One zone as in model/buddy.py, without watermarks. A block that no loop takes, or takes from, changes no answer; so each
memory does as the one without such blocks, and only those are made.
"""

from __future__ import annotations

from collections.abc import Iterator

from model.events import End
from model.gfp import Gfp
from model.kernel import Crash, Kernel, PageArray
from model.loop import Call, run
from proofs.engine.search import NeedsAnswer
from spec.targets import Target
from stepdown.measures import LARGE_ORDER, Cost, Log

Memory = tuple[int, ...]  # free blocks by order
MOST_ATTEMPTS = 1_000  # of one call; the sizes are small
REGION = 40  # each order's blocks begin at another multiple of 2^40 frames


class Blocks:
    """The free blocks of a zone as far as they are decided: so many of each order, and perhaps more."""

    def __init__(self, max_order: int, answers: tuple[bool, ...]) -> None:
        self.known = [0] * (max_order + 1)
        self.is_all = [False] * (max_order + 1)
        self.answers = iter(answers)

    def has(self, order: int, used: int) -> bool:
        """Return whether there are more than ``used`` blocks of ``order``. Raises NeedsAnswer where that is open."""
        if used >= self.known[order] and not self.is_all[order]:
            more = next(self.answers, None)
            if more is None:
                raise NeedsAnswer
            self.known[order] += more
            self.is_all[order] = not more
        return used < self.known[order]


class OneLoop:
    """The page allocator on such blocks for one loop: smallest block first, its low half kept at each split."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self.top = len(blocks.known) - 1
        self.used = [0] * (self.top + 1)  # of the blocks that were free at first
        self.put_back: list[list[int]] = [[] for _ in range(self.top + 1)]  # high halves, the last one is taken first
        self.log: Log = []

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the first frame of a block of 2^order pages, or None. Raises NeedsAnswer, and Crash for a call that
        asks on and on."""
        if order < 0 or len(self.log) == MOST_ATTEMPTS:
            raise Crash("terminates", "too many attempts")
        frame = next(
            (frame for at in range(order, self.top + 1) if (frame := self._taken(at, order)) is not None), None
        )
        self.log.append((order, frame))
        return frame

    def _taken(self, at: int, order: int) -> int | None:
        if self.put_back[at]:
            frame = self.put_back[at].pop()
        elif self.blocks.has(at, self.used[at]):
            # model/buddy.py, FreeList: no two are buddies, but those of the largest order stand side by side
            frame = (at + 1 << REGION) + (self.used[at] << min(at + 1, self.top))
            self.used[at] += 1
        else:
            return None
        for below in range(at - 1, order - 1, -1):
            self.put_back[below].append(frame + (1 << below))
        return frame

    def free_pages(self, frame: int, order: int) -> None:
        """Keep what is freed: what a call that fails costs is not asked."""

    def large_blocks(self) -> int:
        """Return how many free blocks of LARGE_ORDER are lost, one above counting two, and so on."""
        lost = [used - len(put_back) for used, put_back in zip(self.used, self.put_back, strict=True)]
        return sum(count << above for above, count in enumerate(lost[LARGE_ORDER:]))


def costs(
    targets: tuple[Target, ...], n: int, max_order: int, page_orders: tuple[int, ...]
) -> Iterator[tuple[Memory, tuple[Cost, ...]]]:
    """Yield the memories with blocks up to ``max_order`` on which every target gets its ``n`` pages, each with what
    that costs the targets."""
    scripts: list[tuple[bool, ...]] = [()]
    while scripts:
        script = scripts.pop()
        blocks = Blocks(max_order, script)
        try:
            found = [_cost(target, n, blocks, page_orders) for target in targets]
        except NeedsAnswer:
            scripts += [(*script, False), (*script, True)]
            continue
        except Crash:
            continue
        if all(cost.ok for cost in found):
            yield tuple(blocks.known), tuple(found)


def _cost(target: Target, n: int, blocks: Blocks, page_orders: tuple[int, ...]) -> Cost:
    allocator = OneLoop(blocks)
    call = Call(n, single_pages=target.single_pages)
    *_, last = run(target.loop, call, Kernel(allocator, PageArray()))
    ok = isinstance(last, End) and last.ok
    return Cost(ok, allocator.log, allocator.large_blocks(), page_orders)
