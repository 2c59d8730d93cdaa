"""refused-order-not-asked-again: above order 0, an order that was refused is never asked for again.

Assumed:   Nothing of the allocator.

One turn:  A refusal above order 0 moves the index past the entry.

Claimed:   A refused order stands before the index, and the entries are distinct.

Not empty: Every order above 0 is refused in some run; the loop before the patch asks again.
"""

from proofs.engine.theorem import REFUTED, Theorem

theorem = Theorem("refused-order-not-asked-again", pre_patch=REFUTED)

if __name__ == "__main__":
    theorem.main()
