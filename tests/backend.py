"""Properties of real runs, drawn by CrossHair and not at random; tests/test_crosshair.py gives each a child process.

python -c "from tests.backend import NAME; NAME()"
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.loop import Loop
from model.patched import Patched
from model.pre_patch import PrePatch
from tests.contracts import (
    ARRAY,
    MOST_N,
    GuardMissing,
    NoRetryAtOrder0,
    Outcome,
    RetriesForEver,
    outcome,
)

symbolic = settings(
    backend="crosshair", max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
sizes = st.integers(0, MOST_N)
some_answers = st.tuples(*[st.booleans()] * 7)


def judge(loop: Loop, n: int, answers: tuple[bool, ...], single_pages: bool = False) -> Outcome:
    """Run the loop and assert what the contracts promise."""
    seen = outcome(loop, n, answers, single_pages)
    assert seen.ended
    assert seen.orders_in_array
    assert seen.page_total
    assert seen.noretry_above_0_only
    return seen


@symbolic
@given(sizes, some_answers)
def patched_keeps_the_contract(n: int, answers: tuple[bool, ...]) -> None:
    """A success or a failure, never more than was wanted."""
    judge(Patched(ARRAY), n, answers)


@symbolic
@given(sizes, some_answers)
def single_pages_keep_the_contract(n: int, answers: tuple[bool, ...]) -> None:
    """With the attribute only single pages are asked for."""
    seen = judge(Patched(ARRAY), n, answers, single_pages=True)
    assert all(attempt.order == 0 for attempt in seen.attempts)


@symbolic
@given(sizes, some_answers)
def pre_patch_keeps_the_contract(n: int, answers: tuple[bool, ...]) -> None:
    """Below 8 pages the older loop's orders are those of the array."""
    judge(PrePatch(), n, answers)


@symbolic
@given(sizes, some_answers)
def guard_missing_breaks_it(n: int, answers: tuple[bool, ...]) -> None:
    """Asks for more than is wanted."""
    judge(GuardMissing(), n, answers)


@symbolic
@given(sizes, some_answers)
def noretry_at_order_0_breaks_it(n: int, answers: tuple[bool, ...]) -> None:
    """Gives up early."""
    judge(NoRetryAtOrder0(), n, answers)


@symbolic
@given(sizes, some_answers)
def retries_for_ever_breaks_it(n: int, answers: tuple[bool, ...]) -> None:
    """Does not end within its budget."""
    judge(RetriesForEver(), n, answers)
