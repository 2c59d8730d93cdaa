"""What a refused attempt costs, by the times of its probe and of its return."""

from __future__ import annotations

import json

from model.recorded import Work
from stepdown.trace_cost import Cost, time_text
from tests.test_cli import stepdown
from tests.tracing import TRACES

K4 = str(TRACES["arm-6.1/k4k0-1060864.trace"])


def test_a_refused_attempt_costs_the_time_between_its_probes() -> None:
    (traced,) = json.loads(stepdown("trace", "--cost", "--format", "json", K4).stdout)["traces"]
    refused, blocks, pages = traced["cost"]
    assert (refused["order"], refused["answer"], refused["attempts"]) == (8, "refused", 1)
    assert refused["seconds"] == 0.000407  # 4.850439 to 4.850846
    assert (refused["compactions"], refused["reclaims"]) == (2, 1)
    assert (blocks["order"], blocks["attempts"], blocks["compactions"]) == (4, 16, 0)
    assert (pages["order"], pages["attempts"]) == (0, 3)


def test_the_table_says_how_much_refusals_take() -> None:
    said = stepdown("trace", "--cost", K4).stdout
    assert "    8  refused          1      407 us" in said
    assert "1 refused attempt: 407 us, " in said


def test_a_trace_without_probes_has_no_cost() -> None:
    said = stepdown("trace", "--cost", str(TRACES["arm-6.1/kmem-pid-4096.trace"])).stdout
    assert "no attempt has a begin and an end" in said


def test_costs_add_up_by_order_and_answer() -> None:
    cost = Cost()
    cost.add(
        [Work(4, False, 0.5, 2, 1), Work(0, True, 0.25, 0, 0), Work(4, False, 1.5, 0, 0), Work(4, True, 0.25, 0, 0)]
    )
    assert [(order, granted, sums.attempts, sums.seconds) for order, granted, sums in cost.rows()] == [
        (4, False, 2, 2.0),
        (4, True, 1, 0.25),
        (0, True, 1, 0.25),
    ]
    assert cost.text()[-1] == "2 refused attempts: 2.00 s, 80 % of the time in the page allocator"


def test_times_are_written_in_their_unit() -> None:
    assert [time_text(t) for t in (0.0, 1e-6, 1.5e-5, 0.0015, 2.0)] == ["0 us", "1 us", "15 us", "1.50 ms", "2.00 s"]
