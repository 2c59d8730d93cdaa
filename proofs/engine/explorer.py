"""Every path of a piece of plain Python, read for all values of its symbols at once.

The code is re-run once for each feasible combination of branches. Whatever it asks of a symbol's truth is a decision:
taken from the trail while a path is replayed, from the path's own literals where they imply it, else from the solver.
What a witness does, a real run that goes this way, can be done: the solver is asked only what none does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from proofs.engine import symbols
from proofs.engine.literals import Literal
from proofs.engine.solver import Solver
from proofs.engine.symbols import Int, Misuse, Undecided
from proofs.engine.told import Told

MOST_PATHS = 20_000  # of one turn: the loop before the patch has some hundreds
MOST_DECISIONS = 5_000  # on one path: a "while" on an unbounded symbol would never end
MOST_VALUES = 64  # of a number that must be known

Result = TypeVar("Result")
Witness = Mapping[str, int]  # values of the symbols, as a real run has them


class TooManyPaths(Exception):
    """The code has more paths, or a longer one, than the engine reads."""


class NotDeterministic(Exception):
    """Run twice on the same symbols and answers, the code asked two different questions."""


class Excluded(BaseException):
    """An environment's assumption rules this path out; ``assumption`` names it."""

    def __init__(self, assumption: str) -> None:
        super().__init__(assumption)
        self.assumption = assumption


class Promote(BaseException):
    """A field of the state must be known in every location: it becomes part of the control state."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(", ".join(names))
        self.names = names


@dataclass(frozen=True)
class Path(Generic[Result]):
    """One way through: the literals that hold on it, in the order asked, and what the code returned."""

    literals: tuple[Literal, ...]
    result: Result | None  # None when an assumption rules the path out
    excluded: str = ""  # that assumption's name
    assumed: tuple[tuple[int, str], ...] = ()  # which of the literals are assumptions, and their names
    witnesses: Sequence[Witness] = ()  # those that go this way


@dataclass
class Decision:
    """A question on the trail, the answer it got, and whether the other answer is still to be tried."""

    literal: Literal
    answer: bool
    open: bool
    free: bool  # neither implied nor forced: it is part of the path's condition
    witnesses: Mapping[bool, Sequence[Witness]]  # by the answer that they give

    def __post_init__(self) -> None:
        self.told = self.literal if self.answer else self.literal.negated()

    def turn(self) -> None:
        """Give the other answer, the last one there is."""
        self.answer, self.open = not self.answer, False
        self.told = self.told.negated()


class Explorer(Generic[Result]):
    """Runs ``code`` once for each feasible path under ``given``.

    The solver is told ``given`` at the first question that needs it: most monitors ask none. Of the ``witnesses`` those
    count of which all that is given holds.
    """

    def __init__(
        self, solver: Solver, given: Sequence[Literal] = (), fields: Collection[str] = (),
        witnesses: Iterable[Witness] = (),
    ) -> None:  # fmt: skip
        self.solver = solver
        self.fields = frozenset(fields)  # a number made of these is asked for by promoting them
        self.given = tuple(dict.fromkeys(given))
        self.witnesses = [one for one in witnesses if goes_with(one, self.given)]
        self.here: Sequence[Witness] = self.witnesses  # those on the path so far
        self.trail: list[Decision] = []
        self.position = 0
        self.told_here: Told | None = None  # what holds on the path so far, once a question is asked
        self.assumed: list[tuple[int, str]] = []
        self.tried: dict[int, int] = {}  # position on the trail: the value that an enumeration tries there
        self.failure: BaseException | None = None
        self.scopes: list[int] = []  # how many literals of the path the solver knew when each of its scopes was opened
        self.along: list[Literal] = []  # those that it knows now

    def paths(self, code: Callable[[], Result]) -> Iterator[Path[Result]]:
        """Yield every feasible path of ``code``. Raises TooManyPaths, NotDeterministic, Misuse, Undecided."""
        count = 0
        try:
            while True:
                yield self._run(code)
                count += 1
                if count >= MOST_PATHS:
                    raise TooManyPaths(f"more than {MOST_PATHS} paths in one turn")
                while self.trail and not self.trail[-1].open:
                    self.trail.pop()
                if not self.trail:
                    return
                self.trail[-1].turn()
        finally:
            self.failure = None  # its traceback leads back here, and to z3's memory
            for _ in self.scopes:
                self.solver.pop()

    def assume(self, name: str, truth: object) -> None:
        """Go on only where ``truth`` holds: the assumption called ``name``."""
        if not isinstance(truth, symbols.Bool):
            if not truth:
                raise Excluded(name)
            return
        literal = truth.literal
        known = self.told.says(literal)
        if known is False:
            raise Excluded(name)
        if known is None:
            if self.position == len(self.trail):
                witnesses = self._told_apart(literal)
                if not witnesses[True] and not self._feasible(literal):
                    raise Excluded(name)
                self.trail.append(Decision(literal, answer=True, open=False, free=True, witnesses=witnesses))
            self.assumed.append((sum(d.free for d in self.trail[: self.position]), name))
            self._go_on(literal)

    def _run(self, code: Callable[[], Result]) -> Path[Result]:
        self.position, self.failure, self.assumed = 0, None, []
        self.told_here = None
        self.here = self.witnesses
        outer = symbols.decide, symbols.enumerate_value
        symbols.decide, symbols.enumerate_value = self._decide, self._enumerate
        result, excluded = None, ""
        symbols.raised.clear()
        try:
            result = code()
        except Excluded as assumption:
            excluded = assumption.assumption
        finally:
            symbols.decide, symbols.enumerate_value = outer
        swallowed = self.failure or next(iter(symbols.raised), None)  # by a bare "except:" of the model's
        if swallowed is not None:
            raise swallowed
        if self.position < len(self.trail):
            raise NotDeterministic("the code asked fewer questions than on the same path before")
        return Path(self._condition(), result, excluded, tuple(self.assumed), self.here)

    def _condition(self) -> tuple[Literal, ...]:
        return tuple(d.told for d in self.trail if d.free)

    @cached_property
    def at_first(self) -> Told:
        """Return what is given."""
        return Told(self.given)

    @property
    def told(self) -> Told:
        """Return what holds on the path so far."""
        if self.told_here is None:
            self.told_here = Told((), self.at_first)
        return self.told_here

    def _go_on(self, literal: Literal) -> bool:
        """Return the answer that the trail has for ``literal``, which is learnt."""
        decision = self.trail[self.position]
        if decision.literal != literal:
            raise self._fail(NotDeterministic(f"asked {literal}, before {decision.literal}"))
        self.position += 1
        self.told.learn(decision.told)
        self.here = decision.witnesses[decision.answer]
        return decision.answer

    def _fail(self, failure: BaseException) -> BaseException:
        self.failure = failure
        return failure

    def _decide(self, literal: Literal) -> bool:
        if self.position >= len(self.trail):
            if len(self.trail) >= MOST_DECISIONS:
                raise self._fail(TooManyPaths(f"more than {MOST_DECISIONS} decisions on one path: an endless loop?"))
            self.trail.append(self._ask(literal))
        return self._go_on(literal)

    def _ask(self, literal: Literal) -> Decision:
        known = self.told.says(literal)
        if known is not None:
            return Decision(literal, known, open=False, free=False, witnesses={known: self.here})
        witnesses = self._told_apart(literal)
        if self.told.leaves_free(literal):
            return Decision(literal, answer=True, open=True, free=True, witnesses=witnesses)
        yes = bool(witnesses[True]) or self._feasible(literal)
        no = bool(witnesses[False]) or (self._feasible(literal.negated()) if yes else True)
        return Decision(literal, answer=yes, open=yes and no, free=yes and no, witnesses=witnesses)

    def _told_apart(self, literal: Literal) -> dict[bool, list[Witness]]:
        """Return the witnesses of the path so far by what they say of ``literal``, without those that say nothing."""
        told: dict[bool, list[Witness]] = {True: [], False: []}
        for one in self.here:
            holds = says(one, literal)
            if holds is not None:
                told[holds].append(one)
        return told

    def _tell(self) -> None:
        """Let the solver know what holds on the path so far: of a path that begins as the last one did, the rest."""
        if not self.scopes:
            self.solver.push(self.given)
            self.scopes.append(0)
        condition = self._condition()
        same = next(
            (at for at, (one, other) in enumerate(zip(self.along, condition, strict=False)) if one != other), None
        )
        common = min(len(self.along), len(condition)) if same is None else same
        while len(self.along) > common:
            self.solver.pop()
            del self.along[self.scopes.pop() :]
        if len(condition) > len(self.along):
            self.scopes.append(len(self.along))
            self.solver.push(condition[len(self.along) :])
            self.along += condition[len(self.along) :]

    def _feasible(self, literal: Literal) -> bool:
        self._tell()
        return self.solver.satisfiable((literal,))

    def _enumerate(self, term: Int) -> int:
        """Return a value of ``term``, one path for each that it can have."""
        promoted = tuple(name for name, _ in term.terms if name in self.fields)
        if promoted:
            raise self._fail(Promote(promoted))
        for _ in range(MOST_VALUES):
            if self.position >= len(self.trail):
                self.tried[self.position] = self._some_value(term)
            value = self.tried[self.position]
            if term == value:
                return value
        raise self._fail(Undecided(term, f"{term!r} must be known here and has more than {MOST_VALUES} values"))

    def _some_value(self, term: Int) -> int:
        self._tell()
        if not self.solver.check():
            raise self._fail(Misuse("an infeasible path was followed"))
        names = [name for name, _ in term.terms]
        return term.value(dict.fromkeys(names, 0) | self.solver.model(names))


def says(witness: Witness, literal: Literal) -> bool | None:
    """Return whether ``literal`` holds of the witness, None where it is about something unknown there."""
    try:
        return literal.holds(witness)
    except KeyError:
        return None


def goes_with(witness: Witness, literals: Iterable[Literal]) -> bool:
    """Return whether all of ``literals`` are known to hold of the witness."""
    try:
        return all(literal.holds(witness) for literal in literals)
    except KeyError:
        return False
