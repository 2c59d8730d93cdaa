"""orders-from-array: every attempt's order is one of 9, 8, 4, 0.

Assumed:   Nothing of the allocator: any answer to any attempt.

One turn:  The order of an attempt is read from the array.

Claimed:   It is an entry of the array.

Not empty: Each entry is asked for in some run; the loop before the patch asks for others.
"""

from proofs.engine.theorem import REFUTED, Theorem

theorem = Theorem("orders-from-array", pre_patch=REFUTED)

if __name__ == "__main__":
    theorem.main()
