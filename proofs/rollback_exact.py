"""rollback-exact: on failure every page obtained is freed exactly once, as a single page, and nothing else is; on
success nothing is freed.

Assumed:   The allocator hands out no page that is still held.

One turn:  A granted block is split, and its frames are stored below i; a step of the rollback frees the frame in slot
           i - 1.

Claimed:   A watched frame is held if and only if it is in a slot below i; at i = 0 none is. A success frees nothing.

Not empty: Frames are watched that are freed first, last, and never; the assumption rules out a run that could
           otherwise happen.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("rollback-exact")

if __name__ == "__main__":
    theorem.main()
