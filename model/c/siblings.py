"""The siblings of the ARM loop that are known by name: how each is called, and what it does not promise.

A function of any other name is read as it stands, and judged by every claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path

from model.c.source import Source

AROUND = Path(__file__).with_name("around.c")
NUMA_NO_NODE = -1
LARGEST_ORDER = 10  # of a block that is asked for: MAX_PAGE_ORDER
LOWEST = "lowest_order"  # stands for a parameter: the lowest order of a mask


@dataclass(frozen=True)
class Profile:
    """What is known of a sibling besides its code."""

    left_out: Mapping[str, str] = field(default_factory=dict)  # claim that it does not promise: the reason
    caller: str = ""  # of around.c: retells the caller whose page array it fills
    read_with: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # parameter: read once with each value
    orders: tuple[int, ...] = ()  # the orders that its claims mean, where they are not those of the ARM loop
    few_valued: tuple[str, ...] = ()  # variables: a proof tells a place for each value of them
    only_order: str = ""  # the parameter that is the order of all its blocks
    order_mask: str = ""  # the parameter that is a mask of the orders it may ask for: any whose lowest is LOWEST
    of_any_mask: Mapping[str, str] = field(default_factory=dict)  # what it does not promise of any mask: the reason
    above_order_0: Mapping[str, str] = field(default_factory=dict)  # nor where order 0 is not among them
    at_a_glance: Mapping[str, int] = field(default_factory=dict)  # parameter: its value where every one takes too long

    def settings(self, chosen: Mapping[str, int]) -> Iterator[dict[str, int]]:
        """Yield a value for each parameter that nobody chose, in every combination."""
        settled = {*chosen, *([LOWEST] if self.order_mask in chosen else [])}
        names = [name for name in self.read_with if name not in settled]
        for values in product(*(self.read_with[name] for name in names)):
            yield dict(zip(names, values, strict=True))


PROFILES: dict[str, Profile] = {
    "__iommu_dma_alloc_pages": Profile(
        left_out={
            "cleared-once": "profile: its caller passes __GFP_ZERO, the allocator clears",
            "flags-pass-through": "profile: it takes __GFP_COMP away itself",
        },
        order_mask="order_mask",
        at_a_glance={"order_mask": 0x311},
        read_with={LOWEST: tuple(range(LARGEST_ORDER + 1))},
        of_any_mask={
            "attempts-bounded": "profile: of any mask each attempt is a pass, and terminates bounds those",
            "cost-after": "profile: the cost is that of one array; choose it with --set order_mask=0x311",
        },
        above_order_0={
            "high-orders-never-retry": "profile: the lowest order of the mask may retry",
            "gives-up-only-at-order-0": "profile: it gives up at the lowest order of the mask",
        },
    ),
    "vm_area_alloc_pages": Profile(
        left_out={
            "high-orders-never-retry": "profile: its caller says whether a large block may retry",
            "flags-pass-through": "profile: its caller adds __GFP_NOWARN and __GFP_HIGHMEM",
            "cleared-once": "profile: its caller passes __GFP_ZERO where it wants zeroed pages, the allocator clears",
            "gives-up-only-at-order-0": "profile: it gives up at its one order; its caller tries again with order 0",
            "stops-at-first-refused-page": "profile: after a bulk request that was not met it asks for single pages",
            "attempts-bounded": "profile: a bulk request that was not met is one attempt more",
            "cost-after": "profile: it has one order, there is nothing to step down to",
        },
        caller="around_vm_area_alloc_pages",
        read_with={"order": tuple(range(LARGEST_ORDER + 1)), "nid": (NUMA_NO_NODE, 0)},
        only_order="order",
        at_a_glance={"order": 0, "nid": NUMA_NO_NODE},
    ),
    "alloc_largest_available": Profile(
        left_out={
            "fallback-may-retry": "profile: it has flags of its own, its caller passes none",
            "flags-pass-through": "profile: it has flags of its own, its caller passes none",
            "rollback-exact": "profile: its caller keeps blocks whole and frees each as what it was granted as",
            "cleared-once": "profile: its flags hold __GFP_ZERO, the allocator clears",
        },
        caller="around_alloc_largest_available",
        orders=(8, 4, 0),
        few_valued=("max_order",),
    ),
}
ANY_OTHER = Profile()


def profile_of(name: str) -> Profile:
    """Return what is known of the function called ``name``."""
    return PROFILES.get(name, ANY_OTHER)


@lru_cache(maxsize=1)
def around() -> Source:
    """Return the callers and callees that are retold: our own C."""
    return Source(f"model/c/{AROUND.name}", AROUND.read_bytes())
