"""From a target and a claim to an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from functools import cached_property
from importlib import import_module
from typing import Any, cast

from model.kernel import Unsupported
from proofs.engine import invariants as inv
from proofs.engine import ranking
from proofs.engine import shape as shapes
from proofs.engine.coverage import hold, of_the_call
from proofs.engine.element import FORMS
from proofs.engine.explorer import NotDeterministic, TooManyPaths
from proofs.engine.ground import Base, Ground
from proofs.engine.obligations import excludes, inductive, kept, least_n, told_apart, violated, violations
from proofs.engine.paths import LoopRaised, watch_system
from proofs.engine.refute import QUICK, Refuter
from proofs.engine.solver import Solver, SolverUnknown
from proofs.engine.symbols import Misuse, Undecided, variable
from proofs.engine.system import CONSTANTS, Location, System, Transition, domain
from proofs.engine.verdict import LACKS_CASES, Answer, Cost
from proofs.engine.words import WORST_FIRST, Word
from spec import costs
from spec import monitor as monitors
from spec.c_claims import NAMED, claims_of
from spec.claims import NO_PAGE_TWICE, RETURNS, Claim, Part
from spec.monitor import Broken, Matter, Monitor
from spec.targets import Target

GIVES_UP = (
    Misuse, Undecided, LoopRaised, Unsupported, TooManyPaths, NotDeterministic, SolverUnknown, inv.NoFixpoint,
)  # fmt: skip
MANY_PATHS = 150  # of a loop: then a search for a scenario comes first
QUICK_N = 6  # sizes that are searched for a scenario before any effort goes into a proof


class Prover:
    """Proves claims of one target. What it learns of the loop is shared by its claims and by nothing else."""

    def __init__(self, target: Target, obligations: bool = False) -> None:
        self.target = target
        self.keeps_obligations = obligations  # answers bring their obligations, those of paths never taken told apart
        self.ground = Ground(target)
        self.refuter = Refuter(target, self.ground.call)
        self.answers: dict[type[Monitor], Answer] = {}
        self.sufficed: dict[tuple[str, str], int] = {}  # claim, label: the form of invariant that did for one order

    def prove(self, name: str) -> Answer:
        """Return the answer for the claim called ``name``."""
        return self.prove_claim(NAMED[name])

    def prove_claim(self, claim: Claim) -> Answer:
        """Return the answer for a claim, one of the specification's or another."""
        answer = self._prove_claim(claim)
        return replace(answer, obligations=told_apart(answer.obligations)) if self.keeps_obligations else answer

    def _prove_claim(self, claim: Claim) -> Answer:
        name = claim.name
        instead = {**self.target.loop.left_out(), **dict(self.target.promises_instead)}
        reason = instead.get(name) or claim.not_applicable(self.target)
        if reason and not self._crashes_against(name):
            return Answer(name, Word.NOT_APPLICABLE, reason)
        try:
            if not claim.parts:
                return self._terminates(claim)
            answers = [self._part_once(claim, part) for whole in claim.parts for part in self._parts_of(whole)]
        except (Misuse, Undecided) as trouble:
            return Answer(name, Word.UNSUPPORTED, f"{self.target.loop.position()}{trouble}")
        except (LoopRaised, Unsupported) as trouble:
            return Answer(name, Word.UNSUPPORTED, str(trouble))
        except (TooManyPaths, NotDeterministic, SolverUnknown, inv.NoFixpoint) as trouble:
            return Answer(name, Word.UNKNOWN, str(trouble))
        answer = _combine(claim, answers)
        if claim.lemma and answer.word is Word.PROVED and not import_module(claim.module).theorem.lemma():
            return Answer(name, Word.UNKNOWN, f"lemma not shown: {claim.lemma}")
        return answer

    # -- one claim

    def _crashes_against(self, name: str) -> bool:
        """Return whether a run may crash under the name of the claim: then it is judged, whatever its scope."""
        with suppress(*GIVES_UP):
            return any(found.claim == name for found in self.ground.base("").trouble)
        return False

    def _parts_of(self, part: Part) -> Iterator[Part]:
        any_mask = self.target.loop.lowest_order is not None
        for monitor in part.monitor.of_any_mask(self.target.orders) if any_mask else (part.monitor,):
            yield replace(part, monitor=monitor)

    def _part_once(self, claim: Claim, part: Part) -> Answer:
        """Two claims may share a monitor: it is proved once."""
        reason = part.not_applicable(self.target)
        if reason:
            return Answer(claim.name, Word.NOT_APPLICABLE, reason, label=part.label)
        if part.monitor not in self.answers:
            self.answers[part.monitor] = self._part(claim, part)
        return replace(self.answers[part.monitor], claim=claim.name, label=part.label)

    def _part(self, claim: Claim, part: Part) -> Answer:
        watches = part.monitor.watches
        base = self.ground.base("frame" if watches == "frame" else "")
        costly = len(base.system.transitions) > MANY_PATHS
        answer = self._before_any_proof(claim, part, base, costly)
        if answer is not None:
            return answer
        solver = Solver()
        matter = Matter(self.ground.call, self.target.orders, watch=cast("int", variable("watch")))
        given = domain(self.ground.call, watches, self.target.int_only, self.target.most_n)
        system = replace(base.possible, given=given)
        asked: set[str] = set()
        stated: set[str] = set()
        with _counting(asked):
            product = watch_system(system, part.monitor, matter, solver)
        with _counting(stated):
            samples, is_broken = self._sample_product(base, product, part.monitor, matter, lambda: asked <= stated)
        if is_broken:  # it is simply false: often by a run of a few pages
            answer = self.refuter.run(claim, part, Cost(len(product.transitions)), most=QUICK_N, finders=QUICK)
            if answer is not None:
                return answer
        parameters = ("n", "watch") if watches else ("n",)
        simplest = self.sufficed.get((claim.name, part.label), 0)
        for form in FORMS[simplest : 4 if _has_ghosts(part.monitor) else 1]:  # the simplest that will do
            elements = inv.guess(product, parameters, samples, base.supporting, form)
            broken = form == FORMS[1] and violated(product, elements, solver)  # from here they only weaken
            if not broken:
                inv.settle(product, elements, solver)
                broken = violated(product, elements, solver)
            if not broken:
                self.sufficed[claim.name, part.label] = FORMS.index(form)
                break
        answer = self._concluded(claim, part, base, product, elements, broken, solver)
        if answer.word is Word.PROVED and asked and not stated:
            return Answer(claim.name, Word.VACUOUS, "no run puts the claim to the test", answer.cost, label=part.label)
        lack = "" if asked else LACKS_CASES
        return replace(answer, reason=lack) if answer.word is Word.PROVED else answer

    def _before_any_proof(self, claim: Claim, part: Part, base: Base, costly: bool) -> Answer | None:
        """Return the answer where the loop itself is in trouble, or where a claim on a costly one is simply false."""
        for found in base.trouble:
            if found.claim == claim.name:
                return self.refuter.crash(claim, part, base, found)
            if found.word is not Word.REFUTED:
                refuted = self.refuter.run(claim, part, Cost(), finders=QUICK)
                return refuted or replace(found, claim=claim.name, label=part.label)
        if costly:  # a walk inside a turn: many paths to read with the claim
            return self.refuter.run(claim, part, Cost(len(base.system.transitions)), most=QUICK_N, finders=QUICK)
        return None

    def _concluded(
        self,
        claim: Claim,
        part: Part,
        base: Base,
        product: System,
        elements: inv.Invariants,
        broken: bool,
        solver: Solver,
    ) -> Answer:
        """Return PROVED where nothing is broken; else the run that breaks the claim, or the failed induction."""
        obligations = (*base.obligations, *inductive(product, elements), *kept(product, elements))
        cost = Cost(len(product.transitions), len(obligations), solver.resources() + base.resources)
        told = _told(base.invariants)
        if any(e.literals() for e in elements.values() if e.reached):
            told = (*told, *_told(elements))
        assumes = (*claim.assumes, *_no_crash(base))
        answer = Answer(claim.name, Word.PROVED, "", cost, told, assumes, obligations=obligations, label=part.label)
        if broken:
            wrong = list(violations(product, elements, solver))
            refuted = self.refuter.run(claim, part, cost, least=least_n(solver, product, elements, wrong))
            reason = _induction_failure(wrong[0])
            return refuted or replace(answer, word=Word.UNKNOWN, reason=reason, assumptions=())
        watches_frames = part.monitor.watches == "frame"
        if NO_PAGE_TWICE in claim.assumes and watches_frames and not excludes(base.system, base.invariants, solver):
            return Answer(claim.name, Word.VACUOUS, f"assumption never used: {NO_PAGE_TWICE}", cost, label=part.label)
        return answer

    def _sample_product(
        self, base: Base, product: System, monitor: type[Monitor], symbolic: Matter, is_tested: Callable[[], bool]
    ) -> tuple[inv.Samples, bool]:
        """Return the states of real runs, the monitor's ghosts among them, and whether a run breaks the claim.

        Without ghosts one state for each location says all, once the claim was put to the test.
        """
        found: dict[tuple[Location, Any, int], list[dict[str, int]]] = {}  # by what the location is made of
        is_broken, wanted = False, set[tuple[Location, Any, int]]()
        if not _has_ghosts(monitor):
            wanted = {(Location(at.loop, at.view), at.monitor, at.branch) for at in product.locations()}
        for trace in self.ground.traces(monitor.watches, base.system.promoted):
            said = of_the_call(trace.call)
            branch = next((b for b, given in product.given_at.items() if hold(given, said)), 0)
            now = monitor.start(Matter(trace.call, self.target.orders, watch=trace.watch))
            try:
                seen = None
                for location, point, step in trace.steps:
                    if now is not seen:  # few turns change a monitor
                        seen, symbolically = now, replace(now, matter=symbolic)
                        ghost_shape, ghosts = shapes.take_apart(symbolically, product.promoted, "ghost", CONSTANTS)
                    points = found.setdefault((location, ghost_shape, branch), [])
                    if len(points) < inv.MOST_POINTS:
                        points.append(point | ghosts)
                    for event in step.events:
                        now = now.step(event)
            except Broken:
                is_broken = True
            if wanted and wanted <= found.keys() and is_tested():
                break
        located = {Location(at.loop, at.view, ghost, branch): some for (at, ghost, branch), some in found.items()}
        return located, is_broken

    # -- termination

    @cached_property
    def ends(self) -> bool:
        """Return whether every run is shown to end, after however many passes."""
        base = self.ground.base("")
        return not base.trouble and not isinstance(self._ranked(Solver()), Location)

    def _ranked(self, solver: Solver) -> list[ranking.Ranking] | Location:
        base = self.ground.base("")
        names = {loc: shapes.field_names(loc.loop) for loc in base.system.locations()}
        return ranking.rank(base.system, base.invariants, solver, names, base.samples)

    def _terminates(self, claim: Claim) -> Answer:
        part = Part(costs.passes_bounded(self.target.spare_passes))
        answer = self.refuter.run(claim, part, Cost(), most=QUICK_N, finders=QUICK)
        if answer is not None:  # a loop that never ends has states that no run comes to: they are looked for in vain
            return answer
        base = self.ground.base("")
        solver = Solver()
        ranked = self._ranked(solver)
        for found in base.trouble:
            if found.word is not Word.REFUTED:
                return self._endless(claim, part, found.reason, found.word)
            if found.claim not in claims_of(self.target):  # no claim is about it: such a run does not come to its end
                return replace(
                    self.refuter.crash(replace(claim, name=found.claim), part, base, found), claim=claim.name
                )
        if isinstance(ranked, Location):
            return self._endless(claim, part, f"no linear ranking function was found at {ranked}")
        if len({one.passes for one in ranked}) < len(ranked):
            return self._endless(claim, part, "it ends, but no one measure bounds all its passes")
        told = []
        for one in ranked:
            spare = self.target.spare_passes if one.passes else 0
            bound = f"n + {spare}" if spare else "n"
            what = "passes" if one.passes else "steps of the rollback"
            if not ranking.bounded_by(solver, base.system, base.invariants, one, spare):
                return self._endless(claim, part, f"it ends, but not shown within {bound} {what}")
            told.append(f"{what} <= {bound}, by {one}")
        cost = Cost(len(base.system.transitions), len(base.obligations), solver.resources() + base.resources)
        return Answer(
            claim.name, Word.PROVED, "; ".join(told), cost, _told(base.invariants), (RETURNS, *_no_crash(base)),
            obligations=base.obligations,
        )  # fmt: skip

    def _endless(self, claim: Claim, part: Part, reason: str, word: Word = Word.UNKNOWN) -> Answer:
        """Return a run with more passes than claimed, or ``word`` with ``reason``."""
        return self.refuter.run(claim, part, Cost()) or Answer(claim.name, word, reason)


@contextmanager
def _counting(sentences: set[str]) -> Iterator[None]:
    """Collect the sentences that are put to the test meanwhile."""
    monitors.stated = sentences
    try:
        yield
    finally:
        monitors.stated = None


def _has_ghosts(monitor: type[Monitor]) -> bool:
    return len(fields(monitor)) > 1


def _no_crash(base: Base) -> tuple[str, ...]:
    """Return what a claim on a loop that may crash rests on: the crash is the matter of the claim that it breaks."""
    return tuple(dict.fromkeys(f"no run is cut short by breaking {found.claim}" for found in base.trouble))


def _combine(claim: Claim, answers: list[Answer]) -> Answer:
    if len(answers) == 1:
        return answers[0]
    worst = min(answers, key=lambda a: (WORST_FIRST.index(a.word), a.scenario.call.n if a.scenario else 0))
    cost = Cost()
    for answer in answers:
        cost = cost + answer.cost
    return Answer(
        claim.name, worst.word, worst.reason, cost,
        tuple(dict.fromkeys(line for a in answers for line in a.invariants)),
        tuple(dict.fromkeys(one for a in answers for one in a.assumptions)) if worst.word is Word.PROVED else (),
        worst.scenario, tuple(answers) if any(a.label for a in answers) else (),
        tuple(dict.fromkeys(o for a in answers for o in a.obligations)),
    )  # fmt: skip


def _told(elements: inv.Invariants) -> tuple[str, ...]:
    return tuple(
        f"at {location}: {'; '.join(map(str, element.literals())) or 'nothing'}"
        for location, element in elements.items()
        if element.reached
    )


def _induction_failure(transition: Transition) -> str:
    return (
        f"counterexample to induction at {transition.source or 'the start'}: {transition.wrong}; "
        "no run that reaches it was found"
    )
