"""A proof file's one object: which claim, and the verdict that it must get on each target."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proofs.engine.beside import beside
from proofs.engine.words import Word
from spec.claims import CLAIMS
from spec.targets import TARGETS, Target

if TYPE_CHECKING:
    from proofs.engine.prove import Prover
    from proofs.engine.verdict import Answer

PROVED, REFUTED, NOT_APPLICABLE = Word.PROVED, Word.REFUTED, Word.NOT_APPLICABLE
SLOW_TO_PROVE = ("rollback-exact", "cleared-once", "attempts-bounded")  # together about as long as all others


@dataclass(frozen=True)
class Theorem:
    """A claim and what must be shown of it."""

    claim: str
    patched: Word = PROVED
    single_pages: Word = PROVED
    pre_patch: Word = PROVED
    lemma: Callable[[], bool] | None = None  # what else must be shown where the claim is proved

    def expected(self, target: str) -> Word:
        """Return the verdict that the claim must get on ``target``."""
        return {"patched": self.patched, "single-pages": self.single_pages, "pre-patch": self.pre_patch}[target]

    def main(self) -> None:
        """Prove it on every target, print a line each, exit with 0 if every verdict is the expected one."""
        print(f"{self.claim}: {CLAIMS[self.claim].sentence}")
        good = True
        for name, target in TARGETS.items():
            for answer in prove_all(target, [self.claim], jobs=1):
                good &= answer.word is self.expected(name)
                print(f"  {name:<12}  {line(answer)}")
        sys.exit(0 if good else 1)


def line(answer: Answer) -> str:
    """Return an answer in one line: the word, the reason, the cost."""
    reason = answer.reason
    if answer.scenario is not None:
        reason = f"n = {answer.scenario.call.n}: {reason}"
    cost = answer.cost
    spent = f"({cost.paths} paths, {cost.obligations} obligations)" if cost.obligations else ""
    return "  ".join(part for part in (answer.word.value, reason, spent) if part)


def prove_all(target: Target, claims: Iterable[str], jobs: int = 2, obligations: bool = False) -> Iterator[Answer]:
    """Yield the answer to each claim, in the order asked; two processes share the work of a long list.

    Without ``obligations`` the answers leave them out: they are many.
    """
    from proofs.engine.prove import Prover

    wanted = list(claims)
    groups = _groups(wanted) if jobs > 1 and len(wanted) > len(SLOW_TO_PROVE) else [wanted]
    prover = Prover(target, obligations)
    if len(groups) == 1:
        yield from prove_with(prover, wanted, obligations)
        return
    yield from _in_two(prover, wanted, groups, obligations)


def _groups(claims: list[str]) -> list[list[str]]:
    slow = [name for name in claims if name in SLOW_TO_PROVE]
    return [group for group in ([name for name in claims if name not in slow], slow) if group]


def prove_with(prover: Prover, claims: Iterable[str], obligations: bool = False) -> Iterator[Answer]:
    """Yield the answer to each claim on a prover's target."""
    for name in claims:
        answer = prover.prove(name)
        yield (
            answer
            if obligations
            else replace(answer, obligations=(), parts=tuple(replace(part, obligations=()) for part in answer.parts))
        )


def _in_two(prover: Prover, wanted: list[str], groups: list[list[str]], obligations: bool) -> Iterator[Answer]:
    """Prove the second group in a forked child, the first here, and yield in the order asked."""
    first, *others = groups[0]
    answers = {answer.claim: answer for answer in prove_with(prover, [first], obligations)}  # and what all stand on
    here = prove_with(prover, others, obligations)
    with beside(lambda: prove_with(prover, groups[1], obligations)) as there:
        for name in wanted:
            while name not in answers:  # nothing is waited for while there is work here
                answer = (None if there.waits() else next(here, None)) or next(there)
                answers[answer.claim] = answer
            yield answers[name]
