"""cost-before: when every order above 0 is refused and every single page granted, the loop before the patch makes
exactly (n+1)b - 2^b + 1 attempts, b the bit length of n.

Assumed:   Every order above 0 is refused, every single page granted.

One turn:  With k pages wanted the walk asks for the orders __fls(k) .. 0, which is bit_length(k) attempts, and leaves
           k - 1 wanted: the monitor, proved by induction over turns.

Claimed:   The sum of bit_length(k) over k = 1..n is F(n) = (n+1)b - 2^b + 1: F(0) = 0, and F(k) - F(k-1) =
           bit_length(k) for every k of every bit length that an int has, shown below by the solver.

Not empty: Such runs exist; at n = 1024 both sides are the commit message's number, which nothing here mentions.
"""

from typing import Any

from proofs.engine.theorem import NOT_APPLICABLE, Theorem
from spec.costs import closed_form

INT_BITS = 31  # an int without its sign


def step_fails(bits: int) -> bool:
    """Return whether F(k) - F(k - 1) can be other than ``bits`` for some k of that bit length: the lemma's step."""
    from proofs.engine.explorer import Explorer
    from proofs.engine.solver import Solver
    from proofs.engine.symbols import variable
    from proofs.engine.system import literals_of

    k: Any = variable("k")
    given = literals_of(k >= 1 << (bits - 1), k < 1 << bits)
    explorer = Explorer[bool](Solver(), given)
    return any(path.result for path in explorer.paths(lambda: bool(closed_form(k) - closed_form(k - 1) != bits)))


def lemma() -> bool:
    """Return whether the closed form is the sum, for every n that an int holds."""
    return closed_form(0) == 0 and not any(step_fails(bits) for bits in range(1, INT_BITS + 1))


theorem = Theorem("cost-before", patched=NOT_APPLICABLE, single_pages=NOT_APPLICABLE, lemma=lemma)

if __name__ == "__main__":
    theorem.main()
