"""How many page-table entries an IOMMU needs to map a buffer, which is also the room it takes in the IOMMU's TLB.

Frames and I/O addresses are in pages of 4 KiB, page sizes are orders of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

PAGE_ORDERS = (0, 4, 8, 9)  # 4 KiB, 64 KiB, 1 MiB, 2 MiB
IOMMU_ALIGNMENT = 8  # arch/arm/Kconfig: "config ARM_DMA_IOMMU_ALIGNMENT", default 8

Chunk = tuple[int, int]  # first frame, pages


def merged(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the runs of adjacent frames of a buffer whose chunks are given from its first slot to its last."""
    # dma-mapping.c, __iommu_create_mapping(): "if (page_to_pfn(pages[j]) != next_pfn) break;"
    first, length = 0, 0
    for frame, pages in chunks:
        if length and frame == first + length:
            length += pages
            continue
        if length:
            yield first, length
        first, length = frame, pages
    if length:
        yield first, length


def entries(chunks: Iterable[Chunk], address: int = 0, page_orders: Sequence[int] = PAGE_ORDERS) -> int:
    """Return how many entries map the buffer from the I/O address ``address``, in pages, on.

    The chunks stand from the buffer's first slot to its last; 0 must be among ``page_orders``, or a page is not mapped.
    """
    if 0 not in page_orders:
        raise ValueError("single pages of 4 KiB must be among the page sizes")
    return sum(_entries_of_run(run, address + slot, page_orders) for slot, run in _placed(merged(chunks)))


def _placed(runs: Iterable[Chunk]) -> Iterator[tuple[int, Chunk]]:
    slot = 0
    for run in runs:
        yield slot, run
        slot += run[1]


def _entries_of_run(run: Chunk, address: int, page_orders: Sequence[int]) -> int:
    frame, pages = run
    if all(1 << order > pages for order in page_orders if order):
        return pages  # most runs are single pages
    total = 0
    while pages:
        # iommu.c, iommu_pgsize(): the largest size that address, frame and what is left allow
        fitting = (order for order in page_orders if not (address | frame) % (1 << order) and pages >> order)
        size = 1 << max(fitting)
        # iommu_pgsize(), "pgsize_next": that size up to where a larger one may begin, if ever
        larger = min((order for order in page_orders if 1 << order > size), default=0)
        reach = -frame % (1 << larger) if not (address - frame) % (1 << larger) else 0
        many = min(pages, reach or pages) // size
        total += many
        address, frame, pages = address + many * size, frame + many * size, pages - many * size
    return total


def addresses(n: int, page_orders: Sequence[int] = PAGE_ORDERS, alignment: int = IOMMU_ALIGNMENT) -> range:
    """Return where the I/O address of a buffer of ``n`` pages may lie, modulo the largest page: its alignment is its
    own size rounded up to a power of two, but at most 2^``alignment`` pages. 0 stands for all where they are alike."""
    # dma-mapping.c, __alloc_iova(): "if (order > CONFIG_ARM_DMA_IOMMU_ALIGNMENT) order = CONFIG_ARM_...;"
    order = min(max(n - 1, 0).bit_length(), alignment)
    return range(0, 1 << max(*page_orders, order) if n > 1 << order else 1, 1 << order)


def most_entries(
    chunks: Sequence[Chunk], page_orders: Sequence[int] = PAGE_ORDERS, alignment: int = IOMMU_ALIGNMENT
) -> int:
    """Return how many entries map the buffer wherever its I/O address may lie: the most of them."""
    n = sum(pages for _, pages in chunks)
    return max(entries(chunks, address, page_orders) for address in addresses(n, page_orders, alignment))
