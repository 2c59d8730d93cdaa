"""``stepdown compare``: what a change of a loop keeps, loses and gains, where the two part, and what they cost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from model.events import Attempt
from model.gfp import Gfp
from model.kernel import Crash, Kernel, PageArray, Unsupported
from model.loop import Call, Loop, run
from spec.c_claims import claims_of
from spec.claims import OURS, Claim, Part
from spec.monitor import Matter
from spec.targets import Target
from stepdown.verify import Choice, answers

if TYPE_CHECKING:
    from proofs.engine.search import Scenario
    from proofs.engine.verdict import Answer

SIZES = (1, 8, 15, 16, 255, 256, 512, 1024)  # pages: where costs are shown
MOST_ATTEMPTS = 100_000  # of one call whose cost is shown
MOST_PART = 600  # pages: the sizes at which the two are seen to part before a proof is tried that they do not
SAME_SENTENCE = "the two make the same attempts, fill the same slots with the same frames, and end alike"


@dataclass(frozen=True)
class Change:
    """What became of one claim."""

    claim: str
    old: Answer
    new: Answer

    @property
    def word(self) -> str:
        """Return kept, lost, gained, broken in both, not applicable, or unknown."""
        words = (self.old.word.value, self.new.word.value)
        known = {
            ("PROVED", "PROVED"): "kept",
            ("PROVED", "REFUTED"): "lost",
            ("NOT APPLICABLE", "REFUTED"): "lost",  # it had nothing to break: an order array, say, to read outside of
            ("REFUTED", "PROVED"): "gained",
            ("REFUTED", "REFUTED"): "broken in both",
        }
        return known.get(words) or ("not applicable" if "NOT APPLICABLE" in words else "unknown")


def chosen(text: str) -> Target:
    """Return the target that ``text`` names; ints between commas are the patched loop's order array. Raises Usage."""
    if re.fullmatch(r"-?\d+(,-?\d+)+", text):
        return Choice(orders=text).target()
    return Choice(text).target()


def changes(old: Target, new: Target) -> Iterator[Change]:
    """Yield what becomes of each claim; OLD is proved in a process beside."""
    from proofs.engine.beside import beside

    names = claims_on_both(old, new)
    with beside(lambda: answers(old, names, jobs=1)) as before:
        for one, other in zip(before, answers(new, names, jobs=1), strict=True):
            yield Change(one.claim, one, other)


def claims_on_both(old: Target, new: Target) -> list[str]:
    """Return the claims that both are judged by."""
    return [name for name in claims_of(old) if name in claims_of(new)]


def same_behaviour(old: Target, new: Target) -> Answer:
    """Return whether NEW does what OLD does: PROVED, REFUTED with the smallest run on which it does not, UNKNOWN."""
    from proofs.engine import search
    from proofs.engine.prove import Prover
    from proofs.engine.verdict import Answer
    from proofs.engine.words import Word
    from spec.lockstep import in_step_with

    matter = Matter(Call(0, single_pages=new.single_pages), new.orders)
    try:
        monitor = in_step_with(old.loop)
        parted = search.smallest(new.loop, "same-behaviour", monitor, matter, 0, MOST_PART)
    except Unsupported as trouble:
        return Answer("same-behaviour", Word.UNSUPPORTED, str(trouble))
    if parted is not None:
        return Answer("same-behaviour", Word.REFUTED, parted.sentence, scenario=parted)
    prover = Prover(new)
    answer = prover.prove_claim(Claim("same-behaviour", SAME_SENTENCE, OURS, (Part(monitor),)))
    if answer.word is not Word.PROVED:
        return answer
    for crash in {found.claim for found in prover.ground.base("").trouble}:
        refuted = prover.prove(crash)
        if refuted.scenario is None or crashes(old.loop, refuted.scenario):
            return Answer("same-behaviour", Word.UNKNOWN, f"NEW may crash ({crash}); up to there the two do the same")
        told = f"NEW crashes where OLD does not: {refuted.reason}"
        return Answer("same-behaviour", Word.REFUTED, told, scenario=replace(refuted.scenario, sentence=told))
    return answer


def crashes(loop: Loop, scenario: Scenario) -> bool:
    """Return whether the loop crashes under the scenario's answers."""
    from proofs.engine.search import MOST_EVENTS, NeedsAnswer, Script

    try:
        for _ in islice(run(loop, scenario.call, Kernel(Script(scenario.answers), PageArray())), MOST_EVENTS):
            pass
    except NeedsAnswer:
        return False
    except Crash:
        return True
    return False


class Answering:
    """An allocator that grants single pages, and larger blocks always or never."""

    def __init__(self, grants_blocks: bool) -> None:
        self.grants_blocks = grants_blocks
        self.next_frame = 0

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Return the next block, or None."""
        if order and not self.grants_blocks:
            return None
        frame = self.next_frame
        self.next_frame += 1 << order
        return frame

    def free_pages(self, frame: int, order: int) -> None:
        """Keep what is freed."""


def attempts(loop: Loop, call: Call, grants_blocks: bool) -> int | None:
    """Return how often the page allocator is asked, None where the call does not come to its end."""
    count = 0
    try:
        for event in run(loop, call, Kernel(Answering(grants_blocks), PageArray())):
            count += isinstance(event, Attempt)
            if count > MOST_ATTEMPTS:
                return None
    except Crash:
        return None
    return count


def costs(old: Target, new: Target) -> Iterator[tuple[int, list[int | None]]]:
    """Yield n and the attempts of OLD and NEW where every block above order 0 is refused, then where all is granted."""
    for n in SIZES:
        row = [
            attempts(target.loop, Call(n, single_pages=target.single_pages), grants)
            for grants in (False, True)
            for target in (old, new)
        ]
        yield n, row
