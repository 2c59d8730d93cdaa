"""Ways to find a run that breaks a claim, behind one question: the first answer wins, then one minimiser for all.

A finder that finds nothing shows nothing.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from model.events import Back, Turn
from model.gfp import Gfp
from model.kernel import Unsupported
from model.loop import Loop
from proofs.engine import search
from proofs.engine.explorer import NotDeterministic, TooManyPaths
from proofs.engine.paths import LoopRaised
from proofs.engine.search import CALLERS, PLANS, Scenario
from proofs.engine.solver import SolverUnknown
from proofs.engine.symbols import Misuse, Undecided
from spec.monitor import Matter, Monitor

MOST_DRAWN = 1100  # pages more than the least: two blocks of order 9, and some
MOST_RUN = 1 << 14  # pages of a run that is drawn: so many of them take seconds
MOST_ANSWERS = 40  # drawn one by one; a plain way of answering goes on from there
EXAMPLES = 400  # of Hypothesis
SYMBOLIC_EXAMPLES = 12  # of CrossHair, each of which stands for many
CHILD_LIMIT = 10  # seconds of CrossHair
MOST_SHRINKS = 200


@dataclass(frozen=True)
class Question:
    """Is there a run of ``loop`` that breaks ``claim``, of ``least`` to ``most`` pages? ``matter`` says what else the
    call is; its own n means nothing."""

    loop: Loop
    claim: str
    monitor: type[Monitor]
    matter: Matter
    least: int = 0
    most: int | None = None

    def smallest(self, least: int, most: int | None) -> Scenario | None:
        """Return what the breadth-first search finds between two sizes."""
        return search.smallest(self.loop, self.claim, self.monitor, self.matter, least, most)

    def up_to(self, more: int) -> Iterator[int]:
        """Yield the sizes worth trying up to ``more`` above the least."""
        most = self.least + more
        return search.sizes_from(self.least, most if self.most is None else min(most, self.most))

    def tried(self, n: int, gfp: Gfp, plan: int = 0, first: Iterable[bool] = ()) -> Scenario | None:
        """Return the run with these first answers, then those of a plan, if it breaks the claim."""
        matter = replace(self.matter, call=replace(self.matter.call, n=n, gfp=gfp))
        return search.tried(self.loop, self.claim, self.monitor, matter, PLANS[plan], first)


Finder = Callable[[Question], Scenario | None]


def breadth_first(question: Question) -> Scenario | None:
    """Return what real runs show, every answer tried, the smallest sizes first."""
    return question.smallest(question.least, question.most)


def solver(question: Question) -> Scenario | None:
    """Return what the solver finds for every size at once, the answers symbols, in runs of few turns."""
    from proofs.engine.unrolled import unrolled

    q = question
    try:
        for n, gfp, answers in unrolled(q.loop, q.claim, q.monitor, q.matter, q.least, q.most):
            found = question.tried(n, gfp, first=answers)
            if found is not None:
                return found
    except (TooManyPaths, NotDeterministic, SolverUnknown, LoopRaised, Unsupported, Misuse, Undecided):
        pass  # the loop cannot be read, or not by this solver
    return None


def hypothesis(question: Question, backend: str = "hypothesis", examples: int = EXAMPLES) -> Scenario | None:
    """Return what Hypothesis draws and shrinks."""
    from random import Random

    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import NoSuchExample

    sizes = [n for n in question.up_to(MOST_DRAWN) if n <= MOST_RUN]
    if not sizes:
        return None
    drawn = st.tuples(
        st.sampled_from(sizes),
        st.sampled_from(CALLERS),
        st.sampled_from(range(len(PLANS))),
        st.lists(st.booleans(), max_size=MOST_ANSWERS),
    )
    how = settings(
        max_examples=examples, backend=backend, database=None, deadline=None, phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        return question.tried(
            *find(drawn, lambda run: question.tried(*run) is not None, settings=how, random=Random(0))
        )
    except NoSuchExample:
        return None


def crosshair(question: Question) -> Scenario | None:
    """Return what CrossHair finds by running Python itself on symbols; in a child process with a limit, for it hangs on
    some loops, whatever its own limits."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            near = replace(question, most=max(question.up_to(search.EVERY_N)))  # it runs long loops slowly
            found = hypothesis(near, "crosshair", SYMBOLIC_EXAMPLES)
            with os.fdopen(writer, "wb") as told:
                pickle.dump(found and (found.call, found.answers), told)
        finally:
            os._exit(0)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as told:
            ready, _, _ = select.select([told], [], [], CHILD_LIMIT)
            call, answers = (pickle.load(told) if ready else None) or (None, ())
    except EOFError:  # the child broke down
        return None
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return None if call is None else question.tried(call.n, call.gfp, first=answers)


FINDERS: dict[str, Finder] = {  # the cheapest first
    "breadth-first": breadth_first,
    "hypothesis": hypothesis,
    "solver": solver,
    "crosshair": crosshair,
}


def find(question: Question, finders: Iterable[str] = FINDERS) -> Scenario | None:
    """Return the smallest scenario known, or None: no finder found one."""
    for name in finders:
        found = FINDERS[name](question)
        if found is not None:  # what the breadth-first search finds is the smallest
            return found if name == "breadth-first" else minimised(question, found)
    return None


def minimised(question: Question, found: Scenario) -> Scenario:
    """Return the scenario of smallest n, then fewest turns, fewest refusals, plainest flags, whoever found ``found``.

    The breadth-first search knows it where its bounds allow; elsewhere ``found`` itself is made smaller bit by bit.
    """
    n = found.call.n
    return question.smallest(question.least, n) or question.smallest(n, n) or _shrunk(question, found)


def _shrunk(question: Question, found: Scenario) -> Scenario:
    for _ in range(MOST_SHRINKS):
        better = next((one for one in _simpler(question, found) if one is not None and _rank(one) < _rank(found)), None)
        if better is None:
            break
        found = better
    return found


def _rank(found: Scenario) -> tuple[int, int, int, int, tuple[bool, ...]]:
    turns = sum(isinstance(event, Turn | Back) for event in found.events)
    return found.call.n, turns, found.refusals, CALLERS.index(found.call.gfp), found.answers


def _simpler(question: Question, found: Scenario) -> Iterator[Scenario | None]:
    n, gfp, answers = found.call.n, found.call.gfp, found.answers
    gap = n - question.least
    for fewer in (gap >> bit for bit in range(gap.bit_length())):
        yield question.tried(n - fewer, gfp, first=answers)
    for at in range(len(answers)):
        yield question.tried(n, gfp, first=answers[:at] + answers[at + 1 :])
        if not answers[at]:
            yield question.tried(n, gfp, first=(*answers[:at], True, *answers[at + 1 :]))
    yield question.tried(n, CALLERS[0], first=answers)
