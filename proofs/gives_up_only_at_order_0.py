"""gives-up-only-at-order-0: it fails if and only if an order-0 attempt was refused.

Assumed:   Nothing of the allocator.

One turn:  Only the refused single page leads to the error path, and the error path leads nowhere else.

Claimed:   A failed end has seen a refused single page, a successful end has not.

Not empty: Both ends are reached.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("gives-up-only-at-order-0")

if __name__ == "__main__":
    theorem.main()
