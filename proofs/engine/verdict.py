"""What an answer can be, and what goes with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from proofs.engine.literals import Literal
from proofs.engine.search import Scenario
from proofs.engine.words import Word


@dataclass(frozen=True)
class Obligation:
    """One question for a solver: can ``given`` hold and every one of ``goals`` not? It must not."""

    name: str
    given: tuple[Literal, ...]
    goals: tuple[Literal, ...]  # their conjunction is claimed; empty: ``given`` itself must be impossible
    cases: tuple[tuple[Literal, ...], ...] = ()  # or: one of these conjunctions is claimed


@dataclass(frozen=True)
class Cost:
    """What an answer took, in numbers that do not depend on the machine."""

    paths: int = 0
    obligations: int = 0
    resources: int = 0  # z3's resource count

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.paths + other.paths, self.obligations + other.obligations, self.resources + other.resources)


LACKS_CASES = "for lack of cases: no turn ever does what it is about"  # the reason of a claim PROVED of nothing


@dataclass(frozen=True)
class Answer:
    """The verdict on one claim, or on one half of it, for one target."""

    claim: str
    word: Word
    reason: str = ""
    cost: Cost = Cost()
    invariants: tuple[str, ...] = ()  # "at LOCATION: LITERAL; ..."
    assumptions: tuple[str, ...] = ()
    scenario: Scenario | None = None
    parts: tuple[Answer, ...] = ()
    obligations: tuple[Obligation, ...] = field(default=(), repr=False)
    label: str = ""
