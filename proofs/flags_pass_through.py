"""flags-pass-through: apart from NORETRY, every attempt carries exactly the caller's flags plus NOWARN and HIGHMEM.

Assumed:   Nothing of the allocator, any flags of the caller.

One turn:  NOWARN and HIGHMEM are added, above order 0 NORETRY too.

Claimed:   Every other bit of an attempt is the caller's.

Not empty: Callers with different flags are tried.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("flags-pass-through")

if __name__ == "__main__":
    theorem.main()
