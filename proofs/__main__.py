"""Every theorem on every target: ``python -m proofs [TARGET...]``, what ``make verify`` runs.

Exits with 0 if each verdict is the one that its proof file states, with 1 otherwise.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import chain

from model.patched import Patched
from proofs import (
    never_more_attempts_than_before,
    order_arrays,
    order_mask_is_patched,
    specification_complete,
    worst_case,
)
from proofs.engine.beside import beside
from proofs.engine.theorem import PROVED, Theorem, line, prove_all
from spec.claims import CLAIMS
from spec.targets import TARGETS

Said = tuple[str, str]  # a line, and what is not as stated there, "" if all is


def of_targets(names: list[str]) -> Iterator[Said]:
    """Yield a line for each claim and each worst case of the targets."""
    theorems: dict[str, Theorem] = {name: import_module(claim.module).theorem for name, claim in CLAIMS.items()}
    for target in (TARGETS[name] for name in names):
        yield f"{target.name}: {target.sentence}; {target.sizes}", ""
        begun = time.monotonic()
        for answer in prove_all(target, list(CLAIMS)):
            expected = theorems[answer.claim].expected(target.name)
            is_wrong = answer.word is not expected
            mark = f"  <-- expected {expected.value}" if is_wrong else ""
            yield f"  {answer.claim:<30}{line(answer)}{mark}", f"{answer.claim} on {target.name}" if is_wrong else ""
        for worst, as_stated in worst_case.shown(target.name):
            wrong = "" if as_stated else f"worst-case of {worst.cost} on {target.name}"
            yield f"  worst case: {worst.cost:<22}{worst}", wrong
        print(f"  {len(CLAIMS)} claims in {time.monotonic() - begun:.1f} s\n", file=sys.stderr)


def of_theorems() -> Iterator[Said]:
    """Yield a line or two for each theorem that is about more than one claim."""
    for name in ("patched", "single-pages"):
        answer = specification_complete.prove(TARGETS[name])
        what = f"specification-complete on {name}"
        yield f"{what}: {line(answer)}", "" if answer.word is PROVED else what
    answer = order_mask_is_patched.same(order_mask_is_patched.order_mask(), Patched())
    yield f"order-mask-is-patched: {line(answer)}", "" if answer.word is PROVED else "order-mask-is-patched"
    holds, count = order_arrays.shown(Patched())
    yield f"order-arrays: {'PROVED' if holds else 'UNKNOWN'}  ({count} paths)", "" if holds else "order-arrays"
    found = never_more_attempts_than_before.smallest()
    what = "never-more-attempts-than-before"
    if found is None:
        yield f"{what}: no size was found where it is not so", what
    else:
        yield f"{what}: REFUTED  n = {found.n}: {found.after} attempts, {found.before} before\n  {found.buddyinfo}", ""


def main(names: list[str]) -> int:
    """Print a line for each theorem and target, proved in two processes; return the exit status."""
    wrong = []
    with beside(of_theorems) as there:
        for said, lack in chain(of_targets(names), there):
            print(said, flush=True)
            wrong += [lack] if lack else []
    print("\n" + (f"not as stated: {', '.join(wrong)}" if wrong else "every verdict is the one that its proof states"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(TARGETS)))
