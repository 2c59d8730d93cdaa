"""single-pages: with DMA_ATTR_ALLOC_SINGLE_PAGES every attempt, in success and in failure, is of order 0; exactly n of
them on success.

Assumed:   Nothing of the allocator; the call has DMA_ATTR_ALLOC_SINGLE_PAGES.

One turn:  The index starts at the last entry, which is 0, and never moves.

Claimed:   Every attempt is of order 0, and attempts = n - count.

Not empty: Runs succeed and fail.
"""

from proofs.engine.theorem import NOT_APPLICABLE, Theorem

theorem = Theorem("single-pages", patched=NOT_APPLICABLE, pre_patch=NOT_APPLICABLE)

if __name__ == "__main__":
    theorem.main()
