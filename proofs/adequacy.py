"""Is the specification strong enough? Each change of a loop's own source must break a claim, or change nothing.

Shown for a mutation, first that fits:
  REFUTED     by these claims, on real runs of the changed loop;
  EQUIVALENT  the prover shows that the changed loop does the same as the original, for all sizes and answers;
  SURVIVES    neither: the specification does not say that the loop must be as it is.
A failed induction is no kill.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice, product
from random import Random

from model.events import Event
from model.gfp import GFP_KERNEL, GFP_NORETRY
from model.kernel import Crash, Kernel, PageArray
from model.lockstep import SAME, Lockstep
from model.loop import Call, run
from proofs.engine.sampling import RandomAnswers
from proofs.engine.search import NeedsAnswer, Script
from proofs.engine.words import Word
from proofs.mutations import HARMLESS, MUTATIONS, Mutation, target_of
from spec.claims import CLAIMS, Part
from spec.costs import passes_bounded
from spec.judge import broken_at
from spec.monitor import Matter
from spec.targets import TARGETS, Target

EVERY_ANSWER = range(4)  # sizes of which every run is judged
LARGER = (16, 17, 20, 40, 256, 272, 300, 512, 528, 600, 1024, 1100, 2048)  # where the loop's comparisons turn
CHANCES = ((1.0, 0.0), (0.0, 0.0), (0.5, 0.0), (0.2, 0.3))  # of refusing a block, and a single page
MOST_EVENTS = 120  # of one run: its begin, where the loop's comparisons turn


@dataclass(frozen=True)
class Judged:
    """What became of a mutation."""

    mutation: Mutation
    fallen: tuple[str, ...] = ()  # claims, in the order of the specification
    equivalent: bool = False

    @property
    def survives(self) -> bool:
        """Return whether nothing tells the changed loop from the original."""
        return not self.fallen and not self.equivalent


def mutations_of(target: str) -> list[Mutation]:
    """Return the mutations of the loop called ``target``."""
    return [mutation for mutation in (*MUTATIONS, *HARMLESS) if mutation.target == target]


@cache
def broken_unchanged(target: str) -> frozenset[str]:
    """Return the claims that the loop breaks as it is: no mutation is refuted by these."""
    return frozenset(broken_by_runs(TARGETS[target]))


def judged(mutation: Mutation) -> Judged:
    """Return what becomes of ``mutation``."""
    target = target_of(mutation)
    fallen = broken_by_runs(target) - broken_unchanged(mutation.target)
    if fallen:
        return Judged(mutation, tuple(name for name in CLAIMS if name in fallen))
    return Judged(mutation, equivalent=is_equivalent(target, TARGETS[mutation.target]))


def is_equivalent(changed: Target, original: Target) -> bool:
    """Return whether the prover shows that the two do the same, for all sizes and answers."""
    from proofs.engine.prove import Prover

    return Prover(replace(changed, loop=Lockstep(changed.loop, original.loop))).prove(SAME).word is Word.PROVED


def broken_by_runs(target: Target) -> set[str]:
    """Return the claims that some of many real runs of ``target`` breaks."""
    fallen: set[str] = set()
    for call, events, crash in runs(target):
        matter = Matter(call, target.orders)
        if crash:
            fallen.add(crash)
        for name, claim in CLAIMS.items():
            if name in fallen or claim.not_applicable(target):
                continue
            for part in claim.parts or (Part(passes_bounded(target.spare_passes)),):
                if not part.not_applicable(target) and broken_at(part.monitor, matter, events) is not None:
                    fallen.add(name)
    return fallen


def runs(target: Target) -> Iterator[tuple[Call, list[Event], str]]:
    """Yield calls, the events of a real run of each, and the claim that a crash at its end breaks."""
    for n, gfp in product(EVERY_ANSWER, (GFP_KERNEL, GFP_KERNEL | GFP_NORETRY)):
        call = Call(n, gfp, target.single_pages)
        seen: set[tuple[Event, ...]] = set()
        for answers in product((True, False), repeat=n + 2):
            one = _one(target, call, Kernel(Script(answers), PageArray()))
            if tuple(one[1]) not in seen:
                seen.add(tuple(one[1]))
                yield one
    for number, (n, (high, page)) in enumerate(product(LARGER, CHANCES)):
        call = Call(n, GFP_KERNEL, target.single_pages)
        yield _one(target, call, Kernel(RandomAnswers(Random(number), high, page), PageArray()))


def _one(target: Target, call: Call, kernel: Kernel) -> tuple[Call, list[Event], str]:
    events: list[Event] = []
    try:
        for event in islice(run(target.loop, call, kernel), MOST_EVENTS):
            events.append(event)
    except NeedsAnswer:
        return call, events, ""
    except Crash as crash:
        return call, events, crash.claim if crash.claim in CLAIMS else "terminates"
    return call, events, ""
