"""terminates: the loop ends: patched after at most n + 3 passes of while (count), pre-patch after at most n; the
rollback takes at most n steps more.

Assumed:   The allocator answers every attempt.

One turn:  A pass of while (count) either stores a block, which takes at least 1 from count, or moves one entry down
           the array, of which there are three; a step of the rollback takes 1 from i.

Claimed:   Count plus the entries left falls with every pass and never below 0, so there are at most n + 3 (before the
           patch: n); i <= n when the rollback begins.

Not empty: Every path of a turn is taken by a real run.
"""

from proofs.engine.theorem import Theorem

theorem = Theorem("terminates")

if __name__ == "__main__":
    theorem.main()
