"""big-blocks-first: a smaller order is asked for only when every larger order of the array no longer fits in what is
wanted or has been refused.

Assumed:   Nothing of the allocator.

One turn:  The index moves past an entry only when it no longer fits, or was refused.

Claimed:   Both stay true: what is wanted never grows, and a refusal is never taken back.

Not empty: Entries are passed for either reason in some run.
"""

from proofs.engine.theorem import NOT_APPLICABLE, Theorem

theorem = Theorem("big-blocks-first", single_pages=NOT_APPLICABLE)

if __name__ == "__main__":
    theorem.main()
