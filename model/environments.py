"""Who answers a loop's requests, beside a machine on its own. Each is an ``Allocator`` and deterministic: the same
arguments and requests, the same answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from model.buddy import USABLE, Migrate, ZoneState
from model.gfp import GFP_KERNEL, Gfp
from model.kernel import Allocator
from model.machine import Machine

Policy = Callable[[int], bool]  # from the order of a request to whether it is granted


def grant(order: int) -> bool:
    """Return True: every request is granted."""
    return True


def refuse(order: int) -> bool:
    """Return False: no request is granted."""
    return False


def refuse_above_0(order: int) -> bool:
    """Return whether ``order`` is 0: the worst case that still ends well."""
    return order == 0


def granted_orders(*orders: int) -> Policy:
    """Return the policy that grants these orders alone."""
    return lambda order: order in orders


class Fresh:
    """Endless memory: the blocks handed out never overlap, begin at multiples of their size, and none comes twice."""

    def __init__(self, first_frame: int = 0) -> None:
        self.next_frame = first_frame

    def take(self, order: int) -> int:
        """Return the first frame of a block of 2^order pages that nobody has seen."""
        frame = -(-self.next_frame >> order) << order
        self.next_frame = frame + (1 << order)
        return frame


class Scripted:
    """Answers the first requests by the list, the rest by the policy ``then``."""

    def __init__(self, answers: Iterable[bool] = (), then: Policy = refuse_above_0, first_frame: int = 0) -> None:
        self.answers = iter(answers)
        self.then = then
        self.memory = Fresh(first_frame)

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return a fresh block when the next answer is True, None when it is False."""
        granted = next(self.answers, None)
        if granted is None:
            granted = self.then(order)
        return self.memory.take(order) if granted else None

    def free_pages(self, frame: int, order: int) -> None:
        """Forget the block."""


class Adversarial:
    """Answers at random at first, each request alike, then by one policy: which, how long and how generously is drawn
    from ``seed``. A short random start with a worst case behind it finds most faults."""

    def __init__(self, seed: int) -> None:
        random = Random(seed)
        generosity = random.choice((0.02, 0.3, 0.5, 0.9, 0.99))
        answers = [random.random() < generosity for _ in range(random.choice((0, 3, 12, 100)))]
        some = granted_orders(0, *(order for order in range(1, 21) if random.random() < 0.5))
        self.script = Scripted(answers, random.choice((grant, refuse_above_0, refuse_above_0, some, refuse)))

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return a fresh block or None, as the seed has it."""
        return self.script.alloc_pages(gfp, order)

    def free_pages(self, frame: int, order: int) -> None:
        """Forget the block."""


class SomebodyElse:
    """A machine on which others allocate and free blocks of their own, up to ``most`` times before every request."""

    def __init__(self, machine: Machine, seed: int, most: int = 3) -> None:
        self.machine = machine
        self.random = Random(seed)
        self.most = most
        self.theirs: list[tuple[int, int]] = []

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return what the machine answers once the others have had their turn."""
        for _ in range(self.random.randint(0, self.most)):
            self._act()
        return self.machine.alloc_pages(gfp, order)

    def free_pages(self, frame: int, order: int) -> None:
        """Give the block back to the machine."""
        self.machine.free_pages(frame, order)

    def _act(self) -> None:
        if self.theirs and self.random.random() < 0.5:
            block = self.theirs.pop(self.random.randrange(len(self.theirs)))
            self.machine.free_pages(*block)
            return
        zone = self.random.choice(self.machine.zones)
        order = min(self.random.randint(0, zone.max_order) for _ in range(3))  # small ones most of the time
        frame = zone.alloc(order, self.random.choice(USABLE))
        if frame is not None:
            self.theirs.append((frame, order))


class Reclaiming:
    """A machine whose page cache holds part of the free memory and loses one block of it after every ``period``-th
    refusal, as reclaim and compaction have it: larger blocks come free in mid-loop, and an order that was refused
    would now be granted."""

    def __init__(self, machine: Machine, seed: int, period: int = 1) -> None:
        self.machine = machine
        self.period = period
        self.refusals = 0
        self.cache: list[tuple[int, int]] = []
        random = Random(seed)
        for _ in range(random.randint(1, 64)):
            zone = random.choice(machine.zones)
            order = random.randint(0, zone.max_order)
            frame = zone.alloc(order, Migrate.MOVABLE)
            if frame is not None:
                self.cache.append((frame, order))
        random.shuffle(self.cache)

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return what the machine answers; at order 0 without NORETRY it reclaims for as long as there is cache."""
        frame = self.machine.alloc_pages(gfp, order)
        while frame is None and self._reclaim_after_refusal() and order == 0 and not gfp.noretry:
            frame = self.machine.alloc_pages(gfp, order)
        return frame

    def free_pages(self, frame: int, order: int) -> None:
        """Give the block back to the machine."""
        self.machine.free_pages(frame, order)

    def _reclaim_after_refusal(self) -> bool:
        """Free a block of the cache when it is time; return whether any was left."""
        self.refusals += 1
        left = bool(self.cache)
        if left and self.refusals % self.period == 0:
            self.machine.free_pages(*self.cache.pop())
        return left


class OomVictim:
    """Another allocator, until the task is killed for memory at its ``k``-th order-0 request, counted from 0: that one
    is refused, and every order-0 request after it. The only way into the loop's error path."""

    def __init__(self, inner: Allocator, k: int) -> None:
        self.inner = inner
        self.left = k

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return what the inner allocator answers, None at order 0 once ``k`` such requests were made."""
        if order == 0:
            self.left -= 1
            if self.left < 0:
                return None
        return self.inner.alloc_pages(gfp, order)

    def free_pages(self, frame: int, order: int) -> None:
        """Give the block back to the inner allocator."""
        self.inner.free_pages(frame, order)


def machine_after_history(seed: int, pages: int = 4096, max_order: int = 10, share_freed: float = 0.5) -> Machine:
    """Return one zone after a history: it is free as a whole, is then handed out to the last page in blocks of random
    orders, and of these blocks the given share comes back, one after the other, with a few requests in between."""
    random = Random(seed)
    machine = Machine([whole_zone("Normal", max(1, pages >> max_order), max_order)])
    held: list[tuple[int, int]] = []
    favourites = [random.randint(0, max_order) for _ in range(3)]
    while machine.zones[0].usable_pages:
        order = random.choice(favourites)
        while (frame := machine.alloc_pages(GFP_KERNEL, order)) is None:
            order -= 1
        held.append((frame, order))
    random.shuffle(held)
    for _ in range(round(len(held) * share_freed)):
        machine.free_pages(*held.pop())
        if random.random() < 0.1 and (frame := machine.alloc_pages(GFP_KERNEL, 0)) is not None:
            held.insert(0, (frame, 0))
    return machine


def whole_zone(name: str, blocks: int, max_order: int, kind: Migrate = Migrate.UNMOVABLE) -> ZoneState:
    """Return a zone of which nothing is in use: ``blocks`` free blocks of the largest order."""
    return ZoneState(0, name, {kind: (0,) * max_order + (blocks,)})
