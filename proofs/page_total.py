"""page-total: on success the granted blocks add up to exactly n pages.

Assumed:   Nothing of the allocator: any answer to any attempt.

One turn:  A granted block of order o adds 2^o to the pages granted and takes 2^o from count.

Claimed:   Granted + count = n at every loop head, so granted = n when count is 0.

Not empty: Runs end in success with every array entry granted.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("page-total")

if __name__ == "__main__":
    theorem.main()
