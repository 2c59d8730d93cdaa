"""attempts-bounded: attempts <= n + (number of orders o > 0 in the array with 2^o <= n), and for every n some answers
attain it: tight.

Assumed:   Nothing of the allocator; for the half that says attained: every order above 0 refused, every page granted.

One turn:  An attempt either is granted at least one page or is the one refusal of an order that fits in n.

Claimed:   Attempts <= pages granted + orders refused, for each of the four classes of n; and under those answers they
           are equal.

Not empty: Both halves are put to the test in each class of n.
"""

from proofs.engine.theorem import REFUTED, Theorem

theorem = Theorem("attempts-bounded", pre_patch=REFUTED)

if __name__ == "__main__":
    theorem.main()
