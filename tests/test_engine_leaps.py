"""A leap over laps is the run that makes them turn by turn; where laps differ there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.c.source import Source
from model.gfp import GFP_KERNEL
from model.loop import Call
from proofs.engine.leaps import MOST_LAPS, Step, UpTo, lands, laps_held, leaps, sampled_leaps
from proofs.engine.literals import Literal
from proofs.engine.prove import Prover
from proofs.engine.sampling import MOST_TURNS, Run, passes
from proofs.engine.words import Word
from spec.examples import EXAMPLES
from spec.targets import TARGETS, Target
from stepdown.c_target import target_of

LEAPT = {name: TARGETS[name] for name in ("patched", "pre-patch")} | EXAMPLES
PROVERS = {name: Prover(target) for name, target in LEAPT.items()}


# -- a leap against the run that is made turn by turn


@pytest.mark.parametrize("name", LEAPT)
@given(n=st.integers(100, 3000), highest=st.sampled_from((0, 4, 8)))
@settings(max_examples=10)
def test_a_leap_ends_where_turns_made_one_by_one_do(name: str, n: int, highest: int) -> None:
    loop, system = LEAPT[name].loop, PROVERS[name].ground.base("").system
    call = Call(n, GFP_KERNEL, LEAPT[name].single_pages)
    first, answers = loop.start(call), UpTo(highest)
    made = passes(loop, call, first, answers, 10 * n)
    states = [step.before for step in made]
    for leap in leaps(system, Run(call, first, made[:MOST_TURNS])):
        begin = states.index(leap.lap[0].before)
        assert states[begin + leap.times * len(leap.lap)] == leap.state
        assert states[begin + (leap.times - 1) * len(leap.lap)] == leap.last
        assert lands(system, leap, passes(loop, call, leap.last, answers, len(leap.lap)))
        for elsewhere in (replace(leap, state=leap.last), replace(leap, last=leap.state)):
            assert not lands(system, elsewhere, passes(loop, call, elsewhere.last, answers, len(leap.lap)))


@pytest.mark.parametrize("n", [9, 1 << 12, (1 << 40) + 5])
def test_single_pages_are_leapt_over_but_for_the_last_ones(n: int) -> None:
    told = [str(leap) for leap in sampled_leaps(LEAPT["patched"], PROVERS["patched"].ground.base("").system, n)]
    assert told[-2:] == [f"{n - 1} times order 0 granted", f"{n - 2} times order 0 granted"]


def test_there_is_no_leap_where_laps_are_too_few() -> None:
    assert not list(sampled_leaps(LEAPT["patched"], PROVERS["patched"].ground.base("").system, 2))


# -- how long a condition holds, counted


@given(
    st.sampled_from(("le", "ne", "eq", "div", "ndiv")),
    st.integers(-40, 40), st.integers(-6, 6), st.sampled_from((-3, -1, 1, 2)), st.integers(2, 6),
)  # fmt: skip
@settings(max_examples=1000)
def test_a_condition_holds_on_no_fewer_laps_than_counted(
    kind: str, value: int, gain: int, factor: int, modulus: int
) -> None:
    literal = Literal(kind, (("x", factor),), 1, modulus if kind in ("div", "ndiv") else 0)
    path = next(t for t in PROVERS["patched"].ground.base("").system.transitions if t.source is not None)
    steps = [Step(None, {"x": value + lap * gain}, path) for lap in range(2)]
    if not all(literal.holds(step.data) for step in steps):
        return
    counted = laps_held(literal, Call(1, GFP_KERNEL), *steps)
    held = [literal.holds({"x": value + lap * gain}) for lap in range(200)]
    assert all(held[:counted])
    if kind in ("le", "ne", "eq"):  # exactly so many, and no more
        assert counted == MOST_LAPS if all(held) else not held[counted]


# -- what it is for: a fault that only a run of 2^31 pages meets

LOSES = (Path(__file__).parent / "data" / "c" / "any_mask.c").read_text()
LOSES = LOSES.replace(
    "static struct page **__iommu_dma_alloc_pages(",
    """static void free_pages_of(struct page **pages, int count)
{
	while (count--)
		__free_page(pages[count]);
	kvfree(pages);
}

static struct page **__iommu_dma_alloc_pages(""",
).replace("\twhile (done--)\n\t\t__free_page(pages[done]);\n\tkvfree(pages);\n", "\tfree_pages_of(pages, done);\n")


def read(**constants: int) -> Target:
    constants = {"MAX_PAGE_ORDER": 10, "lowest_order": 8, **constants}
    return target_of(Source("any_mask.c", LOSES.encode()), "__iommu_dma_alloc_pages", "lp64", constants=constants)


def test_a_count_that_does_not_fit_is_refuted_by_a_run_told_in_words() -> None:
    prover = Prover(read())
    answer = prover.prove("nothing-lost-in-conversion")
    assert answer.word is Word.REFUTED and answer.scenario is None
    assert (
        "n = 2147483649, " in answer.reason and "4194303 times order 9 granted, then order 9 granted" in answer.reason
    )
    assert prover.prove("page-total").word is Word.PROVED  # no path is left of which no run is known
