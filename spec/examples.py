"""Worked examples: other loops of this family, each with what it promises instead where a claim is not its own."""

from __future__ import annotations

from model.drop_down import DropDown
from model.exact_fit_first import ExactFitFirst
from model.order_0_only import Order0Only
from model.order_mask import OrderMask
from model.system_heap import ORDER_FLAGS_6_1, ORDERS, SystemHeap
from model.ttm_like import TtmLike
from spec.targets import Target

EVERY_ORDER = (10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)

ZEROED = ("cleared-once", "it clears nothing: who wants zeroed pages passes __GFP_ZERO")
OWN_FLAGS = "scope: loops that pass their caller's flags on; this one has flags of its own"
HEAP = (
    ("fallback-may-retry", OWN_FLAGS),
    ("flags-pass-through", OWN_FLAGS),
    ("rollback-exact", "it keeps blocks whole and frees each as what it was granted as, not page by page"),
    ("cleared-once", "it clears nothing: its flags hold __GFP_ZERO"),
)
PARTIAL = "it may end well with fewer pages than wanted: its caller counts them"
VMALLOC = (
    ("page-total", PARTIAL),
    ("every-page-stored-once", PARTIAL),
    ("gives-up-only-at-order-0", PARTIAL),
    ("stops-at-first-refused-page", PARTIAL),
    ("high-orders-never-retry", "above order 0 it drops __GFP_DIRECT_RECLAIM, which leaves nothing to retry"),
    ("flags-pass-through", "above order 0 it drops flags that are meant for single pages; HIGHMEM is its caller's"),
    ZEROED,
)

EXAMPLES: dict[str, Target] = {
    target.name: target
    for target in (
        Target(
            "order-mask",
            OrderMask(),
            "dma-iommu, an IOMMU with pages of 4 KiB, 64 KiB, 1 MiB and 2 MiB",
            reads_order_array=False,
            spare_passes=0,
            promises_instead=(ZEROED,),
        ),
        Target(
            "system-heap",
            SystemHeap(),
            "the dma-buf system heap after Linux 6.1",
            reads_order_array=False,
            orders=ORDERS,
            spare_passes=0,
            promises_instead=HEAP,
        ),
        Target(
            "system-heap-6.1",
            SystemHeap(ORDER_FLAGS_6_1),
            "the dma-buf system heap through Linux 6.1",
            reads_order_array=False,
            orders=ORDERS,
            spare_passes=0,
            promises_instead=HEAP,
        ),
        Target(
            "ttm-like",
            TtmLike(),
            "a loop like ttm_pool_alloc(): the order falls by one and never rises",
            reads_order_array=False,
            orders=EVERY_ORDER,
            spare_passes=10,
            promises_instead=(
                ("flags-pass-through", "it adds NOWARN above order 0 alone; HIGHMEM is its caller's to pass"),
            ),
        ),
        Target(
            "drop-down",
            DropDown(),
            "a loop like vm_area_alloc_pages(): a partial result is a result",
            reads_order_array=False,
            orders=EVERY_ORDER,
            spare_passes=10,
            promises_instead=VMALLOC,
        ),
        Target(
            "order-0-only",
            Order0Only(),
            "one page at a time",
            reads_order_array=False,
            orders=(0,),
            spare_passes=0,
        ),
        Target(
            "exact-fit-first",
            ExactFitFirst(),
            "the patched loop, but one block that fits exactly comes first",
            reads_order_array=False,
        ),
    )
}
