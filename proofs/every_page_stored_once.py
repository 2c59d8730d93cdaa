"""every-page-stored-once: on success each slot 0..n-1 is stored exactly once, slot s+j of a chunk that starts at slot
s with frame f+j of the block f granted to it; nothing is stored outside.

Assumed:   Nothing of the allocator: any answer, any frame.

One turn:  A block goes to the slots from i on, and i moves behind it.

Claimed:   A watched slot is stored if and only if it is below i, once, and count = n - i says that i ends at n.

Not empty: The watched slot is stored in some runs, in the first and in a later chunk.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("every-page-stored-once")

if __name__ == "__main__":
    theorem.main()
