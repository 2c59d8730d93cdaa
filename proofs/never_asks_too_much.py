"""never-asks-too-much: no attempt is for more pages than are still wanted.

Assumed:   Nothing of the allocator.

One turn:  The guard lets an order pass only if __fls(count) is not below it.

Claimed:   2^order <= count, and count is what is still wanted.

Not empty: Runs ask for exactly what is left, and for less.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("never-asks-too-much")

if __name__ == "__main__":
    theorem.main()
