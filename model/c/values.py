"""What a C variable can hold besides a number: sets of flags, the page array, and values that must not be used.

A number is an int, or whatever behaves as one. A pointer to a page is its frame number, None when it is NULL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from model.gfp import NAMES, Gfp
from model.kernel import Crash, Unsupported
from model.loop import MOST_ORDERS, OrderBits

UNDEFINED = "nothing-undefined"
OVERFLOW = "nothing-overflows"
LOSSY = "nothing-lost-in-conversion"


class Special:
    """A value that is not a plain number or pointer to a page."""


@dataclass(frozen=True)
class Trouble(Special):
    """A value that is not what the source seems to say: fine until it reaches an event, an index or a branch."""

    claim: str  # which of the three kinds of trouble it is
    reason: str


@dataclass(frozen=True)
class Unknown(Special):
    """A value of which a call says nothing: a device, a node, a return address."""

    name: str


@dataclass(frozen=True)
class Buffer(Special):
    """The page array, of so many slots. One that is not zeroed reads as nothing in particular."""

    slots: Any
    zeroed: bool = True


@dataclass(frozen=True)
class SlotPointer(Special):
    """A pointer to one slot of the page array."""

    buffer: Buffer
    slot: Any


@dataclass(frozen=True)
class Block:
    """A block as it was granted."""

    frame: Any
    order: int
    compound: Any  # asked for with __GFP_COMP: its pages know its order


@dataclass(frozen=True)
class TopBit(Special):
    """The index of the highest bit set in ``of``, which is above 0. Compared as it stands, else made a number."""

    of: Any

    def number(self) -> int:
        """Return the index as a number."""
        index: int = (self.of.bit_length() - 1).__index__()
        return index


@dataclass(frozen=True)
class PowerOf(Special):
    """2^(top + shift), less ``minus``, which is 0 or 1: a mask of the bits below top + shift."""

    top: TopBit
    shift: int
    minus: int = 0
    bits: int = 64  # of its type, which is unsigned

    def number(self) -> int:
        """Return the power, or the mask, as a number of its type."""
        return ((1 << (self.top.number() + self.shift)) - self.minus) % (1 << self.bits)

    def keeps(self, bit: int) -> bool:
        """Return whether the mask holds ``bit``."""
        return bool(self.top.of.bit_length() > bit + 1 - self.shift)


@dataclass(frozen=True, repr=False)
class OrderMask(Special):
    """A mask of orders that the caller passed, as far as it is kept. Its lowest is among what is sure, while kept."""

    kept: frozenset[int]
    sure: frozenset[int]  # of those kept, the bits that are known to be set
    passed: OrderBits | None = None  # None between two turns: the call has it

    def only(self, mask: Any) -> OrderMask:
        """Return the bits that ``mask`` holds, too: a number, or the bits up to another number's highest."""
        if isinstance(mask, PowerOf):
            kept = self.kept
            while kept and not mask.keeps(max(kept)):
                kept = kept - {max(kept)}
        else:
            bits = mask.__index__()
            kept = frozenset(order for order in self.kept if bits >> order & 1)
        return OrderMask(kept, self.sure & kept, self.passed)

    def settled(self) -> OrderMask:
        """Return it without the bits above the highest that is set: that one is sure now."""
        kept = self.kept
        while kept and not self.holds(max(kept)):
            kept = kept - {max(kept)}
        return OrderMask(kept, (self.sure & kept) | {max(kept)} if kept else kept, self.passed)

    def holds(self, order: int) -> bool:
        """Return whether the bit of one of those kept is set."""
        assert self.passed is not None
        if order not in self.sure and order >= MOST_ORDERS:
            raise Unsupported("", f"whether order {order} is in a mask of orders")
        return order in self.sure or order in self.passed

    def above(self, number: int) -> bool:
        """Return whether it is larger than ``number``; a bit is asked for only where that decides."""
        for order in reversed(range(max(number.bit_length(), max(self.kept, default=-1) + 1))):
            left = {kept for kept in self.kept if kept <= order}
            if not number & (2 << order) - 1:
                return bool(left & self.sure) or any(map(self.holds, sorted(left)))
            held = order in left and self.holds(order)
            if held != bool(number >> order & 1):
                return held
        return False

    def __repr__(self) -> str:
        """Return which bits are kept, and which of these are set for sure."""
        if not self.kept:
            return "no order"
        return f"orders {min(self.kept)}..{max(self.kept)} with {', '.join(map(str, sorted(self.sure)))}"


OTHER_FLAGS = {"__GFP_HARDWALL": 0x100000, "__GFP_THISNODE": 0x200000, "__GFP_ACCOUNT": 0x400000}
OTHER = "other"  # of the caller's flags: all those without a name here


@dataclass(frozen=True, repr=False)
class Bits(Special):
    """A set of flags: those surely set, and those that are as the caller passed them. The rest is clear."""

    on: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """Return the flags in words, always in the same order."""
        most = max((GFP_UNIVERSE, ATTRS_UNIVERSE), key=lambda all_of_them: len(all_of_them & self.passed))
        if len(self.passed) > len(most) // 2:
            passed = ["as passed", *(f"less {name}" for name in sorted(most - self.passed - self.on))]
        else:
            passed = [f"{name} as passed" for name in sorted(self.passed)]
        return " ".join([*sorted(self.on), *passed]) or "none"

    def union(self, other: Bits) -> Bits:
        """Return the flags in either set."""
        on = self.on | other.on
        return Bits(on, (self.passed | other.passed) - on)

    def intersection(self, other: Bits) -> Bits:
        """Return the flags in both sets."""
        on = self.on & other.on
        one, two = self.on | self.passed, other.on | other.passed
        return Bits(on, (one & two) - on)

    def complement(self, universe: frozenset[str]) -> Bits:
        """Return every flag that is not in the set, of which all must be known."""
        if self.passed:
            raise Unsupported("", "the complement of flags that the caller passed")
        return Bits(universe - self.on)


OPAQUE = frozenset({*OTHER_FLAGS, OTHER})  # together the opaque rest of a Gfp: a caller's passes whole or not at all
GFP_UNIVERSE = OPAQUE | set(NAMES)
CALLERS_GFP = Bits(passed=GFP_UNIVERSE)

# include/linux/gfp_types.h; those without a field in Gfp count as its opaque rest, with the values of Linux 6.1
GFP_FLAGS: dict[str, frozenset[str]] = {
    **{f"__GFP_{name.upper()}": frozenset({name}) for name in NAMES},
    "__GFP_RECLAIM": frozenset({"direct_reclaim", "kswapd_reclaim"}),
    "GFP_KERNEL": frozenset({"direct_reclaim", "kswapd_reclaim", "io", "fs"}),
    "GFP_NOIO": frozenset({"direct_reclaim", "kswapd_reclaim"}),
    "GFP_NOFS": frozenset({"direct_reclaim", "kswapd_reclaim", "io"}),
    "GFP_NOWAIT": frozenset({"kswapd_reclaim"}),
    "GFP_USER": frozenset({"direct_reclaim", "kswapd_reclaim", "io", "fs", "__GFP_HARDWALL"}),
    "GFP_HIGHUSER": frozenset({"direct_reclaim", "kswapd_reclaim", "io", "fs", "__GFP_HARDWALL", "highmem"}),
}
GFP_FLAGS |= {name: frozenset({name}) for name in OTHER_FLAGS}

SINGLE_PAGES, FORCE_CONTIGUOUS = "DMA_ATTR_ALLOC_SINGLE_PAGES", "DMA_ATTR_FORCE_CONTIGUOUS"
DMA_ATTRS = frozenset(
    {
        SINGLE_PAGES, FORCE_CONTIGUOUS, "DMA_ATTR_WEAK_ORDERING", "DMA_ATTR_WRITE_COMBINE", "DMA_ATTR_NO_WARN",
        "DMA_ATTR_NO_KERNEL_MAPPING", "DMA_ATTR_SKIP_CPU_SYNC", "DMA_ATTR_PRIVILEGED",
    }
)  # fmt: skip
ATTRS_UNIVERSE = DMA_ATTRS | {OTHER}


def callers_attrs(single_pages: bool) -> Bits:
    """Return the attributes of a call in scope: never FORCE_CONTIGUOUS; the rest as passed, whatever that is."""
    on = frozenset({SINGLE_PAGES}) if single_pages else frozenset[str]()
    return Bits(on, ATTRS_UNIVERSE - {SINGLE_PAGES, FORCE_CONTIGUOUS})


def gfp_of(bits: Bits, passed: Gfp, where: str) -> Gfp:
    """Return ``bits`` as the flags of a request, where the caller passed ``passed``."""
    named: dict[str, Any] = {name: name in bits.on or (name in bits.passed and getattr(passed, name)) for name in NAMES}
    extra = sum(OTHER_FLAGS.get(name, 0) for name in bits.on)
    if OTHER in bits.on or bits.passed - GFP_UNIVERSE:
        raise Unsupported(where, "a set of flags of which only the complement is known")
    if _passes_opaque(bits, where):
        return Gfp(**named, other=passed.other if not extra else passed.other | extra)
    return Gfp(**named, other=extra)


def _passes_opaque(bits: Bits, where: str) -> bool:
    """Return whether the opaque rest is as the caller passed it. Raises Unsupported where only a part of it is."""
    passed = OPAQUE & bits.passed
    if passed and passed != OPAQUE - bits.on:
        raise Unsupported(where, f"a part of the caller's flags: {min(OPAQUE - bits.on - passed)} is not in it")
    return bool(passed)


def any_flag(bits: Bits, passed: Gfp, where: str) -> bool:
    """Return whether any flag is set, where the caller passed ``passed``."""
    if bits.on:
        return True
    unknown = bits.passed - GFP_UNIVERSE
    if unknown:
        raise Unsupported(where, f"{min(unknown)}, of which a call says nothing")
    if any(name in bits.passed and getattr(passed, name) for name in NAMES):
        return True
    return _passes_opaque(bits, where) and bool(passed.other != 0)


def usable(value: Any) -> Any:
    """Return a value that reaches an event, an index or a branch. Raises Crash for one that must not."""
    if isinstance(value, Trouble):
        raise Crash(value.claim, value.reason)
    return value


def number(value: Any, what: str) -> Any:
    """Return ``value`` as a number that reaches an event or an index."""
    if isinstance(value, Special):
        usable(value)
        if isinstance(value, TopBit | PowerOf):
            return value.number()
        raise Unsupported("", f"{what}: {value} is not a number")
    return value


Run = Callable[[Any], Any]  # from a frame to a value


def settled(value: Any) -> Any:
    """Return a value as a variable holds it: the index of a bit becomes a number."""
    return value.number() if isinstance(value, TopBit | PowerOf) else value
