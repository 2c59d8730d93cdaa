"""orders-never-increase: no attempt has a larger order than an earlier one.

Assumed:   Nothing of the allocator.

One turn:  The index into the array only moves up, and the array descends.

Claimed:   The smallest order so far is at least the entry at the index.

Not empty: Runs step down through every entry; the loop before the patch steps up again.
"""

from proofs.engine.theorem import REFUTED, Theorem

theorem = Theorem("orders-never-increase", pre_patch=REFUTED)

if __name__ == "__main__":
    theorem.main()
