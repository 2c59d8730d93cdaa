"""A run that breaks a claim: the smallest that is found, replayed on the plain model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from model.kernel import Crash
from model.loop import Call
from proofs.engine import invariants as inv
from proofs.engine import search
from proofs.engine.coverage import MOST_SIZE
from proofs.engine.finders import FINDERS, Question, find
from proofs.engine.ground import Base
from proofs.engine.leaps import a_leap_crashes
from proofs.engine.obligations import least_n
from proofs.engine.solver import Solver
from proofs.engine.system import INT_MAX, Transition
from proofs.engine.verdict import Answer, Cost
from proofs.engine.words import Word
from spec.claims import Claim, Part
from spec.monitor import Matter
from spec.targets import Target

QUICK = ("breadth-first",)  # finders, where others have not failed yet


@dataclass(frozen=True)
class Refuter:
    """Looks for runs of one target."""

    target: Target
    call: Call  # any: the symbolic one

    def run(
        self, claim: Claim, part: Part, cost: Cost, least: int = 0, most: int | None = None,
        finders: Iterable[str] = FINDERS,
    ) -> Answer | None:  # fmt: skip
        """Return REFUTED with the smallest scenario, or None when no finder found a run that breaks the claim."""
        if most is None:
            most = INT_MAX if self.target.int_only else self.target.most_n
        found: search.Scenario | None = None
        for mask in search.masks(self.target.loop):
            matter = Matter(replace(self.call, n=0, order_mask=mask), self.target.orders)
            one = find(Question(self.target.loop, claim.name, part.monitor, matter, least, most), finders)
            finders = QUICK
            if one is not None and (found is None or one.call.n < found.call.n):
                found = one
            if found is not None and found.call.n <= least:  # no smaller one can be
                break
        if found is None:
            return None
        again = Matter(found.call, self.target.orders)
        if search.replay(self.target.loop, part.monitor, again, found) != found.sentence:
            return Answer(claim.name, Word.UNKNOWN, "a scenario was found that does not replay", label=part.label)
        return Answer(claim.name, Word.REFUTED, found.sentence, cost, scenario=found, label=part.label)

    def crash(self, claim: Claim, part: Part, base: Base, found: Answer) -> Answer:
        """Return REFUTED with the smallest run that crashes as ``found`` says, and where else from which size on; or
        UNKNOWN: the invariants leave room for a crash, and no run was found."""
        by_reason: dict[str, list[Transition]] = {}
        solver = Solver()
        for t in base.system.transitions:
            if t.crash == found.claim and (t.source is None or base.invariants[t.source].reached):
                given = (*inv.hypotheses(base.system, base.invariants, t.source), *t.literals)
                if solver.satisfiable(given):
                    by_reason.setdefault(t.wrong, []).append(t)
        least = {why: least_n(solver, base.system, base.invariants, ts) for why, ts in by_reason.items()}
        smallest = min(least.values(), default=0)
        if smallest > MOST_SIZE:  # no run of so many pages is made turn by turn
            leapt = a_leap_crashes(self.target, base.system, found.claim, smallest)
            if leapt is not None:
                told, crash = leapt
                run = f"n = {smallest}, {_size(smallest)}, {told}: {crash.reason}"
                return Answer(claim.name, Word.REFUTED, run, label=part.label)
        answer = self.run(claim, part, Cost(), smallest)
        if answer is None:
            return replace(found, word=Word.UNKNOWN, label=part.label)
        others = [why for why in sorted(least, key=lambda why: least[why]) if why != answer.reason]
        shown = [f"from {_size(least[why])} on: {why}" for why in others if self._starts_with_crash(least[why], why)]
        sized = f"{_size(least[answer.reason])}: " if answer.reason in least and self.target.most_n is not None else ""
        return replace(answer, reason="; ".join([sized + answer.reason, *shown]))

    def _starts_with_crash(self, n: int, reason: str) -> bool:
        """Return whether a real call for n pages crashes for that reason before its first turn."""
        try:
            self.target.loop.start(Call(n, single_pages=self.target.single_pages))
        except Crash as crash:
            return crash.reason == reason
        return False


def _size(n: int) -> str:
    """Return a number of pages in bytes, as a power of two where it is one."""
    size_bytes = n << 12
    whole = size_bytes > 0 and size_bytes & (size_bytes - 1) == 0
    return f"2^{size_bytes.bit_length() - 1} bytes" if whole else f"{size_bytes} bytes"
