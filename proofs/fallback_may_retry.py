"""fallback-may-retry: an order-0 attempt carries __GFP_NORETRY if and only if the caller passed it.

Assumed:   Nothing of the allocator, any flags of the caller.

One turn:  The single-page attempt takes the caller's flags with NOWARN and HIGHMEM added.

Claimed:   NORETRY is among them exactly when the caller passed it.

Not empty: Callers with and without NORETRY reach order 0.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("fallback-may-retry")

if __name__ == "__main__":
    theorem.main()
