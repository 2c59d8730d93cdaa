"""array-index-in-bounds: the order array is never read outside its entries.

Assumed:   Nothing of the allocator.

One turn:  The index moves up only at an entry above 0: __fls(count) is never below 0.

Claimed:   0 <= index < 4, since the last entry is 0.

Not empty: Every entry is looked at in some run.
"""

from proofs.engine.theorem import NOT_APPLICABLE, Theorem

theorem = Theorem("array-index-in-bounds", pre_patch=NOT_APPLICABLE)

if __name__ == "__main__":
    theorem.main()
