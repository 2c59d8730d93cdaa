"""cleared-once: on success every page was cleared exactly once.

Assumed:   The allocator hands out no page that is still held.

One turn:  A granted block is cleared, whole, in the turn that got it.

Claimed:   A watched frame that is held has been cleared once.

Not empty: The watched frame is cleared in some runs and never granted in others.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("cleared-once")

if __name__ == "__main__":
    theorem.main()
