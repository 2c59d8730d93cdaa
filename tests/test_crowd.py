"""The judge for long runs says what the plain one says, on runs that keep the claims and on runs that break them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.environments import Adversarial
from model.events import Attempt, Clear, End, Event, Free, Split, Store
from model.gfp import GFP_KERNEL
from model.kernel import Kernel, PageArray
from model.loop import Call, run
from model.patched import Patched
from model.pre_patch import PrePatch
from spec.claims import CLAIMS
from spec.crowd import first_break
from spec.judge import broken_at
from spec.monitor import Matter, Monitor

MONITORS = sorted({part.monitor for claim in CLAIMS.values() for part in claim.parts}, key=lambda m: m.__name__)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Return events that no loop needs to have made, few frames and slots among them, so that they meet."""
    numbers, orders = st.integers(0, 12), st.integers(0, 3)
    one = st.one_of(
        st.builds(Attempt, orders, st.just(GFP_KERNEL), st.one_of(st.none(), numbers)),
        st.builds(Store, numbers, numbers, st.integers(1, 8)),
        st.builds(Split, numbers, orders),
        st.builds(Free, numbers, st.integers(0, 1)),
        st.builds(Clear, numbers, st.integers(1, 8)),
        st.builds(End, st.booleans()),
    )
    return draw(st.lists(one, max_size=14))


@pytest.mark.parametrize("monitor", MONITORS, ids=lambda monitor: monitor.__name__)
@given(events=events(), n=st.integers(0, 12))
@settings(max_examples=60)
def test_any_events_are_judged_alike(monitor: type[Monitor], events: list[Event], n: int) -> None:
    matter = Matter(Call(n))
    assert first_break(monitor, matter, events) == broken_at(monitor, matter, events)


@given(st.integers(0, 2**32), st.integers(0, 700))
@settings(max_examples=25)
def test_runs_with_one_event_changed_are_judged_alike(seed: int, n: int) -> None:
    made = list(
        run(random.Random(seed).choice([Patched(), PrePatch()]), Call(n), Kernel(Adversarial(seed), PageArray()))
    )
    made = made[:400]
    at = random.Random(seed).randrange(len(made))
    for events in (made, made[:at] + made[at + 1 :], made[: at + 1] + made[at:]):
        for monitor in MONITORS:
            matter = Matter(Call(n))
            assert first_break(monitor, matter, events) == broken_at(monitor, matter, events)
