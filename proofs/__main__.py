"""Every theorem on every target: ``python -m proofs [TARGET...]``, what ``make verify`` runs.

Exits with 0 if each verdict is the one that its proof file states, with 1 otherwise.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module

from model.patched import Patched
from proofs import (
    never_more_attempts_than_before,
    order_arrays,
    order_mask_is_patched,
    specification_complete,
    worst_case,
)
from proofs.engine.theorem import PROVED, Theorem, line, prove_all
from spec.claims import CLAIMS
from spec.targets import TARGETS


def main(names: list[str]) -> int:
    """Print a line for each theorem and target; return the exit status."""
    theorems: dict[str, Theorem] = {name: import_module(claim.module).theorem for name, claim in CLAIMS.items()}
    wrong = []
    for target in (TARGETS[name] for name in names):
        print(f"{target.name}: {target.sentence}; {target.sizes}", flush=True)
        begun, shown = time.monotonic(), 0
        for answer in prove_all(target, list(CLAIMS)):
            expected = theorems[answer.claim].expected(target.name)
            mark = "" if answer.word is expected else f"  <-- expected {expected.value}"
            if mark:
                wrong.append(f"{answer.claim} on {target.name}")
            print(f"  {answer.claim:<30}{line(answer)}{mark}", flush=True)
            shown += 1
        for worst, as_stated in worst_case.shown(target.name):
            print(f"  worst case: {worst.cost:<22}{worst}", flush=True)
            if not as_stated:
                wrong.append(f"worst-case of {worst.cost} on {target.name}")
        print(f"  {shown} claims in {time.monotonic() - begun:.1f} s\n", file=sys.stderr)
    for name in ("patched", "single-pages"):
        answer = specification_complete.prove(TARGETS[name])
        print(f"specification-complete on {name}: {line(answer)}", flush=True)
        if answer.word is not PROVED:
            wrong.append(f"specification-complete on {name}")
    answer = order_mask_is_patched.same(order_mask_is_patched.order_mask(), Patched())
    print(f"order-mask-is-patched: {line(answer)}", flush=True)
    if answer.word is not PROVED:
        wrong.append("order-mask-is-patched")
    holds, count = order_arrays.shown(Patched())
    print(f"order-arrays: {'PROVED' if holds else 'UNKNOWN'}  ({count} paths)", flush=True)
    if not holds:
        wrong.append("order-arrays")
    found = never_more_attempts_than_before.smallest()
    if found is None:
        wrong.append("never-more-attempts-than-before")
    else:
        print(f"never-more-attempts-than-before: REFUTED  n = {found.n}: {found.after} attempts, {found.before} before")
        print(f"  {found.buddyinfo}")
    print("\n" + (f"not as stated: {', '.join(wrong)}" if wrong else "every verdict is the one that its proof states"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(TARGETS)))
