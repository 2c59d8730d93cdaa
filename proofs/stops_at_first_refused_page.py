"""stops-at-first-refused-page: after an order-0 attempt is refused nothing more is asked for: the run ends in failure.

Assumed:   Nothing of the allocator.

One turn:  After a refused single page the state is Unwinding, whose turns ask for nothing.

Claimed:   No attempt follows, and the end is a failure.

Not empty: Runs are refused a single page at the first, a middle and the last slot.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("stops-at-first-refused-page")

if __name__ == "__main__":
    theorem.main()
