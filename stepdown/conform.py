"""``stepdown conform``: the compiled function beside the function as it was read, on the same answers.

Compared are the attempts with their flags and frames, splits, clears and frees in their order, how the call ends, and
on success the frame in each slot.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random

from model.events import Attempt
from model.kernel import Crash
from model.loop import Loop
from proofs.engine.beside import beside
from proofs.engine.verdict import Answer
from stepdown.compiled import Case, Compiled
from stepdown.told import first_difference, spelled, told

MOST_N = 256  # pages, of a case that is drawn
EDGES = (1, 2, 3, 15, 16, 17, 31, 255, 256)
ALL, NONE, PAGES = (1 << 64) - 1, 0, 1  # granted orders
BATCH = 10_000  # runs: starting two processes and a program in each takes as long as hundreds of runs
MOST_BUILT_N, MOST_ANSWERS = 100_000, 4_000  # pages and answers of one run
MOST_CRASHES = 50  # cases that are run one by one, as each ends its process
MOST_SHRINKS = 200  # cases that are tried when one differs, each in a process of its own

Difference = tuple[Case, str, str]  # a case, what the model does, what the compiled function does


@dataclass
class Comparison:
    """What came of the cases. ``differs``: the smallest one that does, and both sides of it."""

    compared: int = 0
    most_n: int = 0  # pages of the largest
    stopped_alike: int = 0  # undefined by the model, and stopped by a sanitizer
    seconds: float = 0.0
    differs: Difference | None = None
    undefined: list[tuple[Case, str]] = field(default_factory=list)  # by the model, with the reason

    def add(self, part: Comparison) -> None:
        """Take in what came of other cases."""
        self.compared += part.compared
        self.most_n = max(self.most_n, part.most_n)
        self.undefined += part.undefined
        if part.differs and (self.differs is None or _size(part.differs[0]) < _size(self.differs[0])):
            self.differs = part.differs


def edges(loop: Loop) -> Iterator[Case]:
    """Yield the edge cases: all, none or single pages only, and the first, middle or last page refused."""
    for n in (*EDGES, *((loop.grain, 2 * loop.grain) if loop.grain > 1 else ())):
        for single in (False, True):
            for orders in (ALL, NONE, PAGES):
                yield Case(n, single, (), orders)
            case = Case(n, single, (), PAGES)
            try:
                asked = [word for word in told(loop, case).split() if word.startswith("a")]
            except Crash:
                continue
            pages = [at for at, word in enumerate(asked) if word.startswith("a0,")]
            for at in sorted({pages[0], pages[len(pages) // 2], pages[-1]}) if pages else ():
                yield replace(case, answers=(*(not word.endswith(",-") for word in asked[:at]), False))


def drawn(random: Random, grain: int = 1) -> Case:
    """Return a case drawn at random, most often of a multiple of ``grain`` pages."""
    n = random.randint(1, random.choice((4, 20, 64, MOST_N)))
    if grain > 1 and random.random() < 0.9:
        n = max(1, n * 4 // MOST_N) * grain
    generosity = random.choice((0.1, 0.5, 0.9))
    answers = tuple(random.random() < generosity for _ in range(random.choice((0, 3, 12, 60))))
    orders = random.choice((ALL, PAGES, NONE, random.getrandbits(12) | 1, random.getrandbits(12)))
    return Case(n, random.random() < 0.2, answers, orders)


def compare(loop: Loop, program: Compiled, runs: int, seed: int) -> Comparison:
    """Compare the edge cases, then batches until there are so many ``runs``: Hypothesis draws the seed of each, and
    makes what differs smaller."""
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import NoSuchExample

    begin, random = time.monotonic(), Random(seed)
    done = Comparison()

    def differs(one: Callable[[], list[Case]], other: Callable[[], list[Case]]) -> bool:
        """Draw and compare on two processors."""
        with beside(lambda: [_compared(loop, program, other())]) as there:
            done.add(_compared(loop, program, one()))
            done.add(next(there))
        return done.differs is not None

    def batch_differs(batch: int) -> bool:
        size = min(BATCH, runs - done.compared)

        def half(which: int) -> list[Case]:
            drawing = Random(f"{seed} {batch} {which}")  # Hypothesis begins with batch 0, whatever the seed
            return [drawn(drawing, loop.grain) for _ in range(which, size, 2)]

        return differs(lambda: half(0), lambda: half(1))

    cases = list(edges(loop))
    differs(lambda: cases[::2], lambda: cases[1::2])
    while done.differs is None and done.compared < runs:
        how = settings(
            max_examples=-(-(runs - done.compared) // BATCH), phases=(Phase.generate,), database=None, deadline=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        with suppress(NoSuchExample):
            find(st.integers(0, 2**64), batch_differs, settings=how, random=random)
    if done.differs is not None:
        done.differs = shrunk(loop, program, done.differs)
    for case, reason in done.undefined[:MOST_CRASHES] if done.differs is None else ():
        got, why = program.run([case])
        if not why:
            done.differs = (case, f"undefined: {reason}", got[0])
            break
        done.stopped_alike += 1
    done.seconds = time.monotonic() - begin
    return done


def _size(case: Case) -> tuple[int, int, bool]:
    return case.n, len(case.answers), case.single_pages


def _compared(loop: Loop, program: Compiled, cases: list[Case]) -> Comparison:
    """Return what comes of the cases, smallest first, up to the first that differs. Those that the model calls
    undefined are not run: each would end the process."""
    done = Comparison(len(cases), max((case.n for case in cases), default=0))
    run, wanted = [], []
    for case in sorted(cases, key=_size):
        try:
            wanted.append(told(loop, case))
            run.append(case)
        except Crash as crash:
            done.undefined.append((case, crash.reason))
    got, why = program.run(run)
    if got != wanted:
        pairs = zip(run, wanted, [*got, *([f"stopped: {why}"] if why else [])], strict=False)
        done.differs = next((each for each in pairs if each[1] != each[2]), None)
    return done


def shrunk(loop: Loop, program: Compiled, difference: Difference) -> Difference:
    """Return the smallest case that Hypothesis finds to differ, ``difference`` itself where that is smaller."""
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import NoSuchExample

    found = difference
    n, answers = difference[0].n, len(difference[0].answers)
    cases = st.builds(
        Case, st.integers(1, n), st.booleans(), st.lists(st.booleans(), max_size=answers).map(tuple),
        st.sampled_from((NONE, PAGES, ALL, difference[0].granted_orders)),
    )  # fmt: skip

    def differs(case: Case) -> bool:
        nonlocal found
        now = _compared(loop, program, [case]).differs
        if now is not None and _size(case) < _size(found[0]):
            found = now
        return now is not None

    how = settings(
        max_examples=MOST_SHRINKS, phases=(Phase.generate, Phase.shrink), database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    with suppress(NoSuchExample):
        find(cases, differs, settings=how, random=Random(0))
    return found


def reproduced(loop: Loop, program: Compiled, refuted: Answer) -> str:
    """Return what the compiled function does on the run that refutes a claim: reproduced, MISMATCH, or not reproduced
    and why."""
    if refuted.scenario is None:
        return f"REFUTED (not reproduced: more than conform builds: {refuted.reason.split(': ')[0]})"
    call, attempts = refuted.scenario.call, [e for e in refuted.scenario.events if isinstance(e, Attempt)]
    if call.n > MOST_BUILT_N or len(attempts) > MOST_ANSWERS:
        return f"REFUTED (not reproduced: {call.n} pages are more than conform builds)"
    case = Case(call.n, call.single_pages, tuple(attempt.granted for attempt in attempts), PAGES, call.gfp)
    lines, why = program.run([case])
    try:
        model = told(loop, case)
    except Crash as crash:
        return (
            f"REFUTED (reproduced: {why})" if why else f"MISMATCH: nothing stops the compiled function: {crash.reason}"
        )
    compiled = f"stopped: {why}" if why else lines[0]
    if model != compiled:
        at, ours, theirs = first_difference(model, compiled)
        return f"MISMATCH: event {at}: {spelled(theirs)}, where the model has {spelled(ours)}"
    return "REFUTED (reproduced)"
