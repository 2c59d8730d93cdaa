"""cost-after: when every order above 0 is refused and every single page granted, the patched loop makes exactly n + [n
>= 16] + [n >= 256] + [n >= 512] attempts (1027 at 1024).

Assumed:   Every order above 0 is refused, every single page granted.

One turn:  Each order that fits is refused once, then every page costs one attempt.

Claimed:   Attempts = n + the orders that fit, in each of the four classes of n.

Not empty: Such runs exist for each class.
"""

from proofs.engine.theorem import NOT_APPLICABLE, Theorem

theorem = Theorem("cost-after", single_pages=NOT_APPLICABLE, pre_patch=NOT_APPLICABLE)

if __name__ == "__main__":
    theorem.main()
