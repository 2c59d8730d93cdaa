"""The memories that two loops can tell apart, against the page allocator of model/ and against all there are."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, product

import pytest

from model.tlb import PAGE_ORDERS
from spec.targets import of_order_array
from stepdown import drawn
from stepdown.compare import chosen
from stepdown.measures import MEASURES, Cost
from stepdown.regression import cost, regressions


def measured_costs(costs: Iterable[Cost | None]) -> tuple[tuple[int, ...], ...] | None:
    """Return what both cost by each measure, None where one of them does not get its buffer."""
    found = [cost for cost in costs if cost is not None]
    numbers = tuple(tuple(measure(cost) for measure in MEASURES.values()) for cost in found)
    return numbers if len(found) == 2 else None


PAIRS = [("pre-patch", "patched"), ("9,8,4,1,0", "2,0"), ("1,3,0", "ttm-like")]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_the_memories_drawn_cost_what_they_cost_on_the_page_allocator(pair: tuple[str, str]) -> None:
    both = (chosen(pair[0]), chosen(pair[1]))
    for n in (1, 2, 5, 17):
        for memory, costs in islice(drawn.costs(both, n, 10, (0, 1, 3)), 250):
            again = [cost(target, n, memory, (0, 1, 3)) for target in both]
            assert None is not measured_costs(costs) == measured_costs(again)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_no_memory_costs_anything_that_those_drawn_do_not(pair: tuple[str, str]) -> None:
    both = (chosen(pair[0]), chosen(pair[1]))
    for n, most in ((3, (3, 2, 1, 1)), (4, (4, 2, 1, 1))):
        every = product(*(range(count + 1) for count in most))
        costs = {measured_costs(cost(target, n, memory) for target in both) for memory in every} - {None}
        found = list(drawn.costs(both, n, 3, PAGE_ORDERS))
        assert {measured_costs(one) for _, one in found} == costs
        assert len({memory for memory, _ in found}) == len(found)


def test_a_regression_that_takes_two_blocks_of_an_order_is_found() -> None:
    small, _ = regressions(of_order_array((1, 0)), of_order_array((2, 0)))
    worse = next(worse for worse in small if worse.measure == "attempts")
    assert (worse.n, worse.old, worse.new, worse.memory[:3]) == (4, 2, 5, (0, 2, 0))
