"""What can be judged by name: a loop, how it is called, and for which sizes."""

from __future__ import annotations

from dataclasses import dataclass

from model.loop import Loop
from model.patched import IOMMU_ORDER_ARRAY, Patched
from model.pre_patch import PrePatch


@dataclass(frozen=True)
class Target:
    """A loop under one way of calling it."""

    name: str
    loop: Loop
    sentence: str
    single_pages: bool = False  # called with DMA_ATTR_ALLOC_SINGLE_PAGES
    int_only: bool = False  # every n that an int holds, instead of every n at all
    reads_order_array: bool = True
    orders: tuple[int, ...] = IOMMU_ORDER_ARRAY  # the array that the claims mean
    steps_down_for_good: bool = True  # a refused order is never tried again: the patch's promise
    spare_passes: int = len(IOMMU_ORDER_ARRAY) - 1  # it is claimed to end within n passes and so many more
    most_n: int | None = None  # the largest n that the caller can express; None: every n
    where: str = ""  # file:line of the loop, for a target that a user named
    notes: tuple[str, ...] = ()  # what was made of it where it was read from C

    @property
    def sizes(self) -> str:
        """Return the domain of a proof, in words."""
        if self.most_n is not None:
            bits = (self.most_n + 1).bit_length() - 1
            most = f"2^{bits} - 1" if self.most_n + 1 == 1 << bits else f"{self.most_n}"
            return f"every n that its size can express, 0 to {most}"
        return "every n that an int holds, 0 to 2^31 - 1" if self.int_only else "every n >= 0"


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("patched", Patched(), "Linux 4.6 to 7.3, without DMA_ATTR_ALLOC_SINGLE_PAGES"),
        Target("single-pages", Patched(), "Linux 4.6 to 7.3, with DMA_ATTR_ALLOC_SINGLE_PAGES", single_pages=True),
        Target(
            "pre-patch",
            PrePatch(),
            "Linux 4.1 to 4.5",
            int_only=True,
            reads_order_array=False,
            steps_down_for_good=False,
            spare_passes=0,
        ),
    )
}
