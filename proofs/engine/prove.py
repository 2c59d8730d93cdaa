"""From a target and a claim to an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from importlib import import_module
from random import Random
from typing import Any

from model.events import Attempt
from model.gfp import NAMES, Gfp
from model.kernel import Crash, Unsupported
from model.loop import Call
from proofs.engine import invariants as inv
from proofs.engine import ranking, sampling, search
from proofs.engine import shape as shapes
from proofs.engine.environment import Unwatched, WatchedFrame
from proofs.engine.explorer import NotDeterministic, TooManyPaths
from proofs.engine.solver import Solver, SolverUnknown
from proofs.engine.system import (
    CONSTANTS,
    INT_MAX,
    Location,
    LoopRaised,
    System,
    Transition,
    domain,
    explore_loop,
    symbolic_call,
    watch_system,
)  # fmt: skip
from proofs.engine.terms import Literal, Misuse, Undecided, definition, evaluate, variable
from proofs.engine.verdict import Answer, Cost, Obligation
from proofs.engine.words import WORST_FIRST, Word
from spec import costs
from spec import monitor as monitors
from spec.c_claims import NAMED
from spec.claims import NO_PAGE_TWICE, RETURNS, Claim, Part
from spec.monitor import Broken, Matter, Monitor
from spec.targets import Target

MOST_SEEDS = 30  # of sampled runs, when a path is still without one
MOST_SIZE, MOST_COMPARED = 1 << 16, 8  # of the sizes that the loop's own comparisons suggest
MANY_PATHS = 300  # of a loop: then a search for a scenario comes first
QUICK_N = 6  # sizes that are searched for a scenario before any effort goes into a proof

Samples = dict[Location, list[dict[str, int]]]


class Values(dict[str, int]):
    """Values of variables; a quotient's follows from the others."""

    def __missing__(self, name: str) -> int:
        defining = definition(name)
        if not defining:
            raise KeyError(name)
        low = defining[1]  # "term - modulus * q - modulus + 1 <= 0"
        rest = tuple((v, c) for v, c in low.terms if v != name)
        modulus = -dict(low.terms)[name]
        return (evaluate(rest, low.constant, self) + modulus - 1) // modulus


@dataclass(frozen=True)
class Trace:
    """A sampled run with something watched: where it stood before each turn, and the turn."""

    call: Call
    watch: int
    steps: list[tuple[Location, dict[str, int], sampling.Pass]]


@dataclass
class Base:
    """A loop's paths and invariants, proved once for every claim that watches the same kind of thing."""

    system: System
    invariants: inv.Invariants
    supporting: dict[Location, tuple[Literal, ...]]
    obligations: tuple[Obligation, ...]
    trouble: list[Answer] = field(default_factory=list)  # crashes, and whatever makes a proof empty
    resources: int = 0


class Prover:
    """Proves claims of one target. What it learns of the loop is shared by its claims and by nothing else."""

    def __init__(self, target: Target, obligations: bool = False) -> None:
        self.target = target
        self.told_apart = obligations  # answers bring their obligations, those of paths never taken told apart
        self.call: Call = symbolic_call(target.single_pages)
        self.bases: dict[str, Base] = {}
        self.answers: dict[type[Monitor], Answer] = {}
        self.traces: dict[str, list[Trace]] = {}

    @cached_property
    def runs(self) -> list[sampling.Run]:
        """Return real runs of the loop, to guess from."""
        return sampling.sample_runs(self.target.loop, self.target.single_pages)

    def prove(self, name: str) -> Answer:
        """Return the answer for the claim called ``name``."""
        return self.prove_claim(NAMED[name])

    def prove_claim(self, claim: Claim) -> Answer:
        """Return the answer for a claim, one of the specification's or another."""
        answer = self._prove_claim(claim)
        return replace(answer, obligations=_told_apart(answer.obligations)) if self.told_apart else answer

    def _prove_claim(self, claim: Claim) -> Answer:
        name = claim.name
        instead = {**self.target.loop.left_out(), **dict(self.target.promises_instead)}
        reason = instead.get(name) or claim.not_applicable(self.target)
        if reason:
            return Answer(name, Word.NOT_APPLICABLE, reason)
        try:
            if not claim.parts:
                return self._terminates(claim)
            answers = [self._part_once(claim, part) for part in claim.parts]
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

    # -- the loop alone

    def base(self, kind: str) -> Base:
        """Return what is known of the loop where frames are watched (kind "frame") or not ("")."""
        if kind not in self.bases:
            solver = Solver()
            system = explore_loop(self.target.loop, self.call, kind, solver, self.target.int_only, self.target.most_n)
            samples, covered = self._sample_base(system, kind)
            parameters = ("n", "watch") if kind else ("n",)
            below, settled = self._below(system, kind)
            found = inv.find(system, solver, parameters, samples, below, settled=settled)
            supporting = {
                loc: (*below.get(loc, ()), *element.literals()) for loc, element in found.items() if element.reached
            }
            obligations = self._base_obligations(system, found)
            trouble = self._trouble(system, found, solver, None if kind else covered, obligations)
            if kind:
                obligations = (*self.base("").obligations, *obligations)
            base = Base(system, found, supporting, obligations, trouble)
            base.resources = solver.resources()
            self.bases[kind] = base
        return self.bases[kind]

    def _below(self, system: System, kind: str) -> tuple[inv.Proved, set[str]]:
        """Return what is proved of the loop by itself, where frames are watched too, and of which fields it speaks."""
        if not kind:
            return {}, set()
        alone = {loc.loop: literals for loc, literals in self.base("").supporting.items()}
        fields = {name for shape in alone for name in shapes.field_names(shape)}
        return {loc: alone[loc.loop] for loc in system.locations() if loc.loop in alone}, fields

    def _traces(self, watches: str, system: System) -> list[Trace]:
        """Return the sampled runs with something watched in each, located in ``system``."""
        if watches not in self.traces:
            random = Random(2)
            found = []
            for run in self.runs:
                for watch in sampling.watch_candidates(run, watches, random):
                    view: Any = WatchedFrame() if watches == "frame" else Unwatched()
                    steps = []
                    for step in run.passes:
                        loop_shape, data = shapes.take_apart(step.before, system.promoted, constants=CONSTANTS)
                        view_shape, view_data = shapes.take_apart(view, system.promoted, "memory", CONSTANTS)
                        point = data | view_data | {"n": run.call.n, "watch": watch}
                        steps.append((Location(loop_shape, view_shape), point, step))
                        view = sampling.view_after(view, watch, step.events)
                    found.append(Trace(run.call, watch, steps))
            self.traces[watches] = found
        return self.traces[watches]

    def _sample_base(self, system: System, kind: str) -> tuple[Samples, set[int]]:
        samples: Samples = {}
        covered: set[int] = set()
        leaving = _by_source(system)
        for trace in self._traces(kind, system):
            for location, point, step in trace.steps:
                samples.setdefault(location, []).append(point)
                if not kind:
                    covered.update(_taken(leaving.get(location, ()), point, trace.call, step))
        return samples, covered

    def _base_obligations(self, system: System, found: inv.Invariants) -> tuple[Obligation, ...]:
        obligations = list(_inductive(system, found))
        for location, element in found.items():
            if element.reached:
                cases = _cases(system.leaving(location))
                given = inv.hypotheses(system, found, location)
                obligations.append(Obligation(f"at {location} the paths cover every state", given, (), cases))
        return tuple(obligations)

    def _trouble(
        self,
        system: System,
        found: inv.Invariants,
        solver: Solver,
        covered: set[int] | None,
        obligations: Iterable[Obligation],
    ) -> list[Answer]:
        trouble = []
        for obligation in obligations:
            if obligation.cases and not _shown(solver, obligation):
                trouble.append(Answer("", Word.UNKNOWN, f"{obligation.name}: not shown"))
        for at, transition in enumerate(system.transitions):
            source = transition.source
            if source is not None and not found[source].reached:
                continue
            if covered is None and not transition.wrong:  # the loop's own branches are the unwatched base's matter
                continue
            if (covered and at in covered) or transition.guessed or (source is None and not transition.wrong):
                continue
            given = (*inv.hypotheses(system, found, source), *transition.literals)
            if not solver.satisfiable(given):
                continue
            if transition.crash:
                trouble.append(Answer(transition.crash, Word.REFUTED, transition.wrong))
            elif not transition.excluded and not self._a_run_takes(system, found, transition, solver):
                where = f"a path at {source}: {'; '.join(map(str, transition.literals))}"
                trouble.append(Answer("", Word.VACUOUS, f"no run was found that takes {where}"))
        return trouble

    def _a_run_takes(self, system: System, found: inv.Invariants, wanted: Transition, solver: Solver) -> bool:
        """Return whether some real run takes the path ``wanted``: one that the solver proposes, else one by chance."""
        if self._first_turn_takes(system, wanted, solver):
            return True
        least = _least_n(solver, system, found, [wanted])  # the smallest for which the invariants leave room
        compared = _sizes_compared(system) | _sizes_near(wanted)
        sizes = tuple(sorted({least, *(n for n in compared if n >= least)}))
        for seed in range(2, MOST_SEEDS):
            for run in sampling.sample_runs(
                self.target.loop, self.target.single_pages, seed, sizes, 4 * sampling.MOST_TURNS
            ):
                for step in run.passes:
                    loop_shape, data = shapes.take_apart(step.before, system.promoted, constants=CONSTANTS)
                    assert wanted.source is not None
                    point = data | {"n": run.call.n, "watch": 0}
                    same = loop_shape == wanted.source.loop
                    if same and list(_taken([(0, wanted)], point, run.call, step)):
                        return True
        return False

    def _first_turn_takes(self, system: System, wanted: Transition, solver: Solver) -> bool:
        """Return whether the first turn of a real run takes ``wanted``, with answers that the solver proposes."""
        for begin in system.leaving(None):
            if begin.target != wanted.source:
                continue
            first = [variable(name) == value for name, value in begin.post.items()]
            literals = [truth.literal for truth in first if not isinstance(truth, bool)]
            solver.push((*system.given, *wanted.literals, *literals))
            names = {name for literal in (*wanted.literals, *literals) for name, _ in literal.terms} | {"n"}
            values = solver.model(names) if solver.check() else None
            solver.pop()
            if values is None:
                continue
            flags = Gfp(**{name: bool(values.get(f"gfp.{name}", 0)) for name in NAMES})
            answers = [bool(values.get(f"granted!{k}", 1)) for k in range(1, 70)]
            run = sampling.first_turn(self.target.loop, Call(values["n"], flags, self.target.single_pages), answers)
            if run.passes and run.passes[0].before == run.first:
                _, data = shapes.take_apart(run.first, system.promoted, constants=CONSTANTS)
                point = data | {"n": run.call.n, "watch": 0}
                if list(_taken([(0, wanted)], point, run.call, run.passes[0])):
                    return True
        return False

    # -- one claim

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
        base = self.base("frame" if watches == "frame" else "")
        for found in base.trouble:
            if found.claim == claim.name:
                return self._crash(claim, part, base, found)
            if found.word is not Word.REFUTED:
                refuted = self._refute(claim, part, base, Cost())
                return refuted or replace(found, claim=claim.name, label=part.label)
        costly = len(base.system.transitions) > MANY_PATHS
        if costly:  # a walk inside a turn: before so many paths are read with the claim, is it simply false?
            answer = self._refute(claim, part, base, Cost(len(base.system.transitions)), most=QUICK_N)
            if answer is not None:
                return answer
        solver = Solver()
        watch: Any = variable("watch")
        matter = Matter(self.call, self.target.orders, watch=watch)
        system = replace(base.system, given=domain(self.call, watches, self.target.int_only, self.target.most_n))
        asked: set[str] = set()
        stated: set[str] = set()
        with _counting(asked):
            product = watch_system(system, part.monitor, matter, solver)
        with _counting(stated):
            samples = self._sample_product(base, product, part.monitor, matter)
        parameters = ("n", "watch") if watches else ("n",)
        for form in inv.FORMS if _has_ghosts(part.monitor) else inv.FORMS[:1]:  # the simplest that will do
            elements = inv.find(product, solver, parameters, samples, base.supporting, form)
            broken = list(_violations(product, elements, solver))
            if not broken:
                break
            if (
                form == inv.FORMS[1] and not costly
            ):  # equalities do not do: before the costly forms, is it simply false?
                answer = self._refute(claim, part, base, Cost(len(product.transitions)), most=QUICK_N)
                if answer is not None:
                    return answer
        obligations = (
            *base.obligations,
            *_inductive(product, elements),
            *_kept(product, elements),
        )
        cost = Cost(len(product.transitions), len(obligations), solver.resources() + base.resources)
        told = (
            *_told(base.invariants),
            *(_told(elements) if any(e.literals() for e in elements.values() if e.reached) else ()),
        )
        if broken:
            least = _least_n(solver, product, elements, broken)
            answer = self._refute(claim, part, base, cost, least=least)
            return answer or Answer(
                claim.name, Word.UNKNOWN, _induction_failure(broken[0]), cost, told, obligations=obligations,
                label=part.label,
            )  # fmt: skip
        if asked and not stated:
            return Answer(claim.name, Word.VACUOUS, "no run puts the claim to the test", cost, label=part.label)
        if NO_PAGE_TWICE in claim.assumes and watches == "frame" and not _excludes(base, solver):
            return Answer(claim.name, Word.VACUOUS, f"assumption never used: {NO_PAGE_TWICE}", cost, label=part.label)
        lack = "" if asked else "for lack of cases: no turn ever does what it is about"
        return Answer(
            claim.name, Word.PROVED, lack, cost, told, claim.assumes, obligations=obligations, label=part.label
        )

    def _sample_product(self, base: Base, product: System, monitor: type[Monitor], symbolic: Matter) -> Samples:
        """Return the states of real runs, the monitor's ghosts among them."""
        samples: Samples = {}
        for trace in self._traces(monitor.watches, base.system):
            branch = next((b for b, given in product.given_at.items() if _hold(given, {"n": trace.call.n})), 0)
            now = monitor.start(Matter(trace.call, self.target.orders, watch=trace.watch))
            try:
                for location, point, step in trace.steps:
                    ghost_shape, ghosts = shapes.take_apart(
                        replace(now, matter=symbolic), product.promoted, "ghost", CONSTANTS
                    )
                    here = Location(location.loop, location.view, ghost_shape, branch)
                    samples.setdefault(here, []).append(point | ghosts)
                    for event in step.events:
                        now = now.step(event)
            except Broken:
                continue
        return samples

    def _refute(
        self, claim: Claim, part: Part, base: Base, cost: Cost, least: int = 0, most: int | None = None
    ) -> Answer | None:
        """Return REFUTED with the smallest scenario, or None when no run was found that breaks the claim."""
        matter = Matter(replace(self.call, n=0), self.target.orders)
        if most is None:
            most = INT_MAX if self.target.int_only else self.target.most_n
        found = search.smallest(self.target.loop, claim.name, part.monitor, matter, least, most)
        if found is None:
            return None
        again = Matter(found.call, self.target.orders)
        if search.replay(self.target.loop, part.monitor, again, found) != found.sentence:
            return Answer(claim.name, Word.UNKNOWN, "a scenario was found that does not replay", label=part.label)
        return Answer(claim.name, Word.REFUTED, found.sentence, cost, scenario=found, label=part.label)

    def _crash(self, claim: Claim, part: Part, base: Base, found: Answer) -> Answer:
        """Return REFUTED with the smallest run that crashes as ``found`` says, and where else from which size on; or
        UNKNOWN: the invariants leave room for a crash, and no run was found."""
        by_reason: dict[str, list[Transition]] = {}
        solver = Solver()
        for t in base.system.transitions:
            if t.crash == found.claim and (t.source is None or base.invariants[t.source].reached):
                given = (*inv.hypotheses(base.system, base.invariants, t.source), *t.literals)
                if solver.satisfiable(given):
                    by_reason.setdefault(t.wrong, []).append(t)
        least = {why: _least_n(solver, base.system, base.invariants, ts) for why, ts in by_reason.items()}
        answer = self._refute(claim, part, base, Cost(), min(least.values(), default=0))
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

    # -- termination

    def _terminates(self, claim: Claim) -> Answer:
        base = self.base("")
        solver = Solver()
        names = {loc: shapes.field_names(loc.loop) for loc in base.system.locations()}
        ranked = ranking.rank(base.system, base.invariants, solver, names)
        for found in base.trouble:
            if found.word is not Word.REFUTED:
                return self._endless(claim, base, found.reason, found.word)
            if found.claim not in NAMED:  # a crash that no claim is about: such a run does not come to its end
                part = Part(costs.passes_bounded(self.target.spare_passes))
                return replace(self._crash(replace(claim, name=found.claim), part, base, found), claim=claim.name)
        if isinstance(ranked, Location):
            return self._endless(claim, base, f"no linear ranking function was found at {ranked}")
        if len({one.passes for one in ranked}) < len(ranked):
            return self._endless(claim, base, "it ends, but no one measure bounds all its passes")
        told = []
        for one in ranked:
            spare = self.target.spare_passes if one.passes else 0
            bound = f"n + {spare}" if spare else "n"
            what = "passes" if one.passes else "steps of the rollback"
            if not ranking.bounded_by(solver, base.system, base.invariants, one, spare):
                return self._endless(claim, base, f"it ends, but not shown within {bound} {what}")
            told.append(f"{what} <= {bound}, by {one}")
        cost = Cost(len(base.system.transitions), len(base.obligations), solver.resources() + base.resources)
        return Answer(
            claim.name, Word.PROVED, "; ".join(told), cost, _told(base.invariants), (RETURNS,),
            obligations=base.obligations,
        )  # fmt: skip

    def _endless(self, claim: Claim, base: Base, reason: str, word: Word = Word.UNKNOWN) -> Answer:
        """Return a run with more passes than claimed, or ``word`` with ``reason``."""
        part = Part(costs.passes_bounded(self.target.spare_passes))
        return self._refute(claim, part, base, Cost()) or Answer(claim.name, word, reason)


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
        claim.assumes if worst.word is Word.PROVED else (),
        worst.scenario, tuple(answers) if any(a.label for a in answers) else (),
        tuple(dict.fromkeys(o for a in answers for o in a.obligations)),
    )  # fmt: skip


def _by_source(system: System) -> dict[Location | None, list[tuple[int, Transition]]]:
    found: dict[Location | None, list[tuple[int, Transition]]] = {}
    for at, transition in enumerate(system.transitions):
        found.setdefault(transition.source, []).append((at, transition))
    return found


def _taken(
    transitions: Iterable[tuple[int, Transition]], data: Mapping[str, int], call: Call, step: sampling.Pass
) -> Iterable[int]:
    """Yield the transitions whose literals hold of a real turn: one, if the engine reads the loop as Python does."""
    values = Values(data)
    for name in (*NAMES, "other"):
        values[f"gfp.{name}"] = int(getattr(call.gfp, name))
    asked = 0
    for event in step.events:
        if isinstance(event, Attempt):
            asked += 1
            values[f"granted!{asked}"] = int(event.granted)
            values[f"frame!{asked}"] = event.frame if event.frame is not None else 0
    for at, transition in transitions:
        try:
            if not transition.guessed and _hold(transition.literals, values):
                yield at
        except KeyError:
            continue


def _hold(literals: Iterable[Literal], values: Mapping[str, int]) -> bool:
    return all(literal.holds(values) for literal in literals)


def _inductive(system: System, elements: inv.Invariants) -> Iterable[Obligation]:
    for at, transition in enumerate(system.transitions):
        source, target = transition.source, transition.target
        if target is None or (source is not None and not elements[source].reached):
            continue
        given = (*inv.hypotheses(system, elements, source), *transition.literals)
        where = source or "the start"
        if elements[target].reached:
            goals = tuple(inv.goals(transition, elements[target]))
            if goals:
                yield Obligation(f"path {at} from {where} keeps what holds at {target}", given, goals)
        else:
            yield Obligation(f"path {at} from {where} to {target} is never taken", given, ())


def _kept(system: System, elements: inv.Invariants) -> Iterable[Obligation]:
    for at, transition in enumerate(system.transitions):
        source = transition.source
        if transition.wrong and (source is None or elements[source].reached):
            given = (*inv.hypotheses(system, elements, source), *transition.literals)
            yield Obligation(f"path {at} from {source or 'the start'} never happens: {transition.wrong}", given, ())


def _sizes_compared(system: System) -> set[int]:
    """Return the numbers that the loop compares something with, and their sums: sizes at which its paths meet."""
    constants = {abs(literal.constant) for t in system.transitions for literal in t.literals if literal.kind == "le"}
    compared = sorted(constant for constant in constants if constant <= MOST_SIZE)[:MOST_COMPARED]
    return {one + other for one in (0, *compared) for other in compared}


def _sizes_near(path: Transition) -> set[int]:
    """Return sizes about the numbers that one path compares something with."""
    constants = {abs(literal.constant) for literal in path.literals if literal.kind == "le"}
    return {constant + more for constant in constants if constant <= MOST_SIZE for more in (0, 1, 2)}


def _told_apart(obligations: Iterable[Obligation]) -> tuple[Obligation, ...]:
    """Return the obligations, a path that the invariants never let be taken claimed to be just that: so what is given
    without a goal can hold, and no claim is shown of nothing."""
    solver = Solver()
    found = []
    for obligation in obligations:
        if obligation.goals and not solver.satisfiable(obligation.given):
            name = obligation.name.replace(" keeps ", " is never taken, nor bears on ")
            found.append(Obligation(name, obligation.given, ()))
        else:
            found.append(obligation)
    return tuple(found)


def _cases(transitions: Iterable[Transition]) -> tuple[tuple[Literal, ...], ...]:
    cases: list[tuple[Literal, ...]] = []
    for transition in transitions:
        cases.append(transition.literals)
        for at, _ in transition.assumed:  # where an assumption fails, nothing is claimed
            cases.append((*transition.literals[:at], transition.literals[at].negated()))
    return tuple(dict.fromkeys(cases))


def _shown(solver: Solver, obligation: Obligation) -> bool:
    solver.push(obligation.given)
    solver.assume_not_all(obligation.cases)
    try:
        return not solver.check()
    finally:
        solver.pop()


def _violations(system: System, elements: inv.Invariants, solver: Solver) -> Iterable[Transition]:
    for source, transitions in _by_source(system).items():
        wrong = [t for _, t in transitions if t.wrong]
        if not wrong or (source is not None and not elements[source].reached):
            continue
        solver.push(inv.hypotheses(system, elements, source))
        found = [t for t in wrong if solver.satisfiable(t.literals)]
        solver.pop()
        yield from found


def _least_n(solver: Solver, system: System, elements: inv.Invariants, broken: Iterable[Transition]) -> int:
    """Return a size below which no violation is possible: what the invariants leave room for."""
    n = variable("n")
    least: int | None = None
    for transition in broken:
        solver.push((*inv.hypotheses(system, elements, transition.source), *transition.literals))
        low, high = 0, 1 << 32 if least is None else least
        if solver.satisfiable(((n < high).literal,)):
            while low < high:
                middle = (low + high) // 2
                if solver.satisfiable(((n <= middle).literal,)):
                    high = middle
                else:
                    low = middle + 1
            least = low if least is None else min(least, low)
        solver.pop()
    return least or 0


def _excludes(base: Base, solver: Solver) -> bool:
    return any(
        transition.excluded == NO_PAGE_TWICE
        and transition.source is not None
        and base.invariants[transition.source].reached
        and solver.satisfiable((*inv.hypotheses(base.system, base.invariants, transition.source), *transition.literals))
        for transition in base.system.transitions
    )


def _told(elements: inv.Invariants) -> tuple[str, ...]:
    return tuple(
        f"at {location}: {'; '.join(map(str, element.literals())) or 'nothing'}"
        for location, element in elements.items()
        if element.reached
    )


def _size(n: int) -> str:
    """Return a number of pages in bytes, as a power of two where it is one."""
    size_bytes = n << 12
    whole = size_bytes > 0 and size_bytes & (size_bytes - 1) == 0
    return f"2^{size_bytes.bit_length() - 1} bytes" if whole else f"{size_bytes} bytes"


def _induction_failure(transition: Transition) -> str:
    return (
        f"counterexample to induction at {transition.source or 'the start'}: {transition.wrong}; "
        "no run that reaches it was found"
    )
