"""orders-deliverable: no attempt is above the largest order that the allocator can deliver (10 by default).

Assumed:   Nothing of the allocator; its largest order is 10.

One turn:  The order of an attempt is an entry of the array.

Claimed:   No entry is above 10.

Not empty: The largest entry is asked for; the loop before the patch asks for order 11 at 2048 pages.
"""

from proofs.engine.theorem import REFUTED, Theorem

theorem = Theorem("orders-deliverable", pre_patch=REFUTED)

if __name__ == "__main__":
    theorem.main()
