"""order-mask-is-patched: the loop of dma-iommu with the orders 0, 4, 8 and 9 does exactly what the patched loop does.

Assumed:   Both get the same answers from the allocator.

One turn:  A pass of the order-mask loop walks down its mask until a block is granted; the patched loop, beside it,
           takes as many passes as it needs to ask as often.

Claimed:   The same attempts with the same flags in the same order, the same slots filled with the same frames, and the
           same end, for every n, every caller's flags and every answer, with DMA_ATTR_ALLOC_SINGLE_PAGES and without.

Not empty: The order-mask loop ends (``terminates``, proved here too), so there is such a run; with one order less it is
           REFUTED, at the smallest buffer where the two part.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from model.loop import Loop
from model.order_mask import OrderMask
from model.patched import Patched
from spec.claims import OURS, Claim, Part
from spec.examples import EXAMPLES
from spec.lockstep import in_step_with
from spec.targets import Target

if TYPE_CHECKING:
    from proofs.engine.verdict import Answer

SENTENCE = "same attempts, same flags, same slots with the same frames, same end"


def same(target: Target, other: Loop) -> Answer:
    """Return the answer to whether the loop of ``target`` does what ``other`` does."""
    from proofs.engine.prove import Prover

    return Prover(target).prove_claim(Claim("order-mask-is-patched", SENTENCE, OURS, (Part(in_step_with(other)),)))


def order_mask(*orders: int, single_pages: bool = False) -> Target:
    """Return the order-mask loop with these orders, largest first."""
    loop = OrderMask(orders) if orders else OrderMask()
    return replace(EXAMPLES["order-mask"], loop=loop, single_pages=single_pages)


def main() -> None:
    """Prove it with and without the attribute, and refute it for another mask; exit with 0 if all is as stated."""
    from proofs.engine.prove import Prover
    from proofs.engine.theorem import PROVED, REFUTED, line

    print(f"order-mask-is-patched: {SENTENCE}")
    rows = [
        ("order-mask", PROVED, same(order_mask(), Patched())),
        ("single-pages", PROVED, same(order_mask(single_pages=True), Patched())),
        ("it ends", PROVED, Prover(order_mask()).prove("terminates")),
        ("without 4", REFUTED, same(order_mask(9, 8, 0), Patched())),
    ]
    for name, _, answer in rows:
        print(f"  {name:<12}  {line(answer)}")
    sys.exit(0 if all(answer.word is word for _, word, answer in rows) else 1)


if __name__ == "__main__":
    main()
