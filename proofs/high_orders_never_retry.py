"""high-orders-never-retry: every attempt above order 0 carries __GFP_NORETRY.

Assumed:   Nothing of the allocator, any flags of the caller.

One turn:  An attempt above order 0 has NORETRY added.

Claimed:   NORETRY is set.

Not empty: Runs ask above order 0; with the single-pages attribute none does, and the claim holds because of that.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("high-orders-never-retry")

if __name__ == "__main__":
    theorem.main()
