"""Defects that loops of this family have had in the kernel: each a loop by name, and the claims that it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model.known_defects import CountsWhatWasThere, FreesBlocks, SmallestFirst, Walk
from model.order_mask import OrderMask
from spec.examples import EVERY_ORDER, EXAMPLES, ZEROED
from spec.targets import Target


@dataclass(frozen=True)
class Defect:
    """A loop with a defect; ``breaks`` says which claims, and at how many pages first."""

    target: Target
    fixed_by: str
    breaks: Mapping[str, int]


def _walk(name: str, loop: Walk, sentence: str) -> Target:
    return Target(
        name, loop, sentence, int_only=True, reads_order_array=False, orders=EVERY_ORDER, steps_down_for_good=False,
        spare_passes=0,
    )  # fmt: skip


DEFECTS: Mapping[str, Defect] = {
    defect.target.name: defect
    for defect in (
        Defect(
            _walk("smallest-first", SmallestFirst(), "__iommu_alloc_buffer() of 2012: __ffs(count)"),
            "593f47355467",
            {"orders-never-increase": 3, "chunk-index-aligned": 3},
        ),
        Defect(
            _walk("walk-3.5", Walk(), "__iommu_alloc_buffer() of Linux 3.5 to 3.14: no NORETRY"),
            "Linux 4.1",
            {"high-orders-never-retry": 2},
        ),
        Defect(
            Target(
                "order-mask-6.1",
                OrderMask((11, 9, 0)),
                "dma-iommu of Linux 6.1, pages of 4 KiB, 2 MiB and 8 MiB: MAX_ORDER is taken for the largest order",
                reads_order_array=False,
                orders=(11, 9, 0),
                spare_passes=0,
                promises_instead=(ZEROED,),
            ),
            "ten fixes of MAX_ORDER in 2023",
            {"orders-deliverable": 2048},
        ),
        Defect(
            Target(
                "bulk-livelock",
                CountsWhatWasThere(),
                "a caller of the bulk allocator of Linux 5.13: slots filled before the call count as progress",
                reads_order_array=False,
                orders=(0,),
                spare_passes=0,
            ),
            "c572e4888ad1",
            {"terminates": 2, "stops-at-first-refused-page": 2},
        ),
        Defect(
            EXAMPLES["system-heap-6.1"],
            "the system heap after Linux 6.1",
            {"high-orders-never-retry": 16},
        ),
        Defect(
            Target("rollback-frees-blocks", FreesBlocks(), "a rollback that frees single pages as blocks"),
            "b2a182a40278",
            {"rollback-exact": 2},
        ),
    )
}
