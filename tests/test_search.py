"""The search for order arrays: costs against plain runs, the front against brute force, what an interruption keeps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.buddy import USABLE, Migrate, ZoneState
from model.events import Attempt
from model.kernel import Kernel, PageArray
from model.loop import Call, run
from model.machine import Machine
from model.patched import Patched
from model.tlb import most_entries
from stepdown.search import Case, Result, evaluated, every_array, front, search
from stepdown.search_results import begun, kept
from stepdown.simulate import random_machine
from tests.test_cli import BUDDYINFO, refused, stepdown

CASES = [Case(f"random {seed}", n, random_machine(seed).state()) for seed, n in ((0, 300), (7, 1024), (9, 77))]
ARRAYS = every_array(3)


def test_every_array_is_each_falling_array_once() -> None:
    arrays = every_array()
    assert len(arrays) == len(set(arrays)) == 1024
    assert all(orders[-1] == 0 and list(orders) == sorted(set(orders), reverse=True) for orders in arrays)
    assert {orders[0] for orders in arrays} == set(range(11))


@pytest.mark.parametrize("orders", [(9, 8, 4, 0), (0,), (10, 3, 0), (4, 9, 0), (11, 2, 0, 5)])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_costs_are_those_of_a_plain_run(orders: tuple[int, ...], case: Case) -> None:
    machine = Machine(case.zones)
    before = large_blocks(machine)
    events = list(run(Patched(orders), Call(case.n), Kernel(machine, PageArray())))
    asked = [event for event in events if isinstance(event, Attempt)]
    entries = most_entries([(event.frame, event.pages) for event in asked if event.frame is not None])
    costs = (len(asked), entries, before - large_blocks(machine))
    assert evaluated(orders, [case]).costs == costs
    assert evaluated(orders, [case, case]).costs == tuple(2 * cost for cost in costs)


def large_blocks(machine: Machine) -> int:
    """Count the aligned runs of 512 free usable pages, frame by frame."""
    frames = {
        at
        for zone in machine.zones
        for frame, order, kind in zone.free_blocks()
        if kind in USABLE and order >= 9
        for at in range(frame, frame + (1 << order))
    }
    return len(frames) // 512


def test_a_large_block_split_by_a_smaller_request_is_consumed_and_cma_is_none() -> None:
    zone = ZoneState(0, "Normal", {Migrate.UNMOVABLE: (0,) * 10 + (2,), Migrate.CMA: (0,) * 10 + (9,)})
    assert evaluated((0,), [Case("two of order 10", 1, (zone,))]).costs == (1, 1, 1)  # one half is left whole
    assert evaluated((10, 0), [Case("two of order 10", 1024, (zone,))]).costs == (1, 4, 2)


def test_an_array_that_runs_off_its_end_has_no_cost_and_is_not_on_the_front() -> None:
    off = evaluated((9, 8), CASES)
    assert off.costs is None
    assert front([off]) == []


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=25))
def test_the_front_is_what_nothing_beats(costs: list[tuple[int, int, int]]) -> None:
    results = [Result((9,) * (at % 4) + (at, 0), cost) for at, cost in enumerate(costs)]
    best = {cost for cost in costs if not any(o != cost and all(map(int.__le__, o, cost)) for o in costs)}
    found = front(results)
    assert {result.costs for result in found} == best
    assert len(found) == len(best)
    for result in found:  # the shortest of those that cost the same
        assert len(result.orders) == min(len(other.orders) for other in results if other.costs == result.costs)


def by_orders(results: Iterator[Result]) -> list[Result]:
    return sorted(results, key=lambda result: result.orders)


def test_two_processes_find_what_one_finds() -> None:
    alone = by_orders(evaluated(orders, CASES) for orders in ARRAYS)
    assert by_orders(search(ARRAYS, CASES, 2)) == alone


def test_a_search_goes_on_from_what_it_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    whole = by_orders(evaluated(orders, CASES) for orders in ARRAYS)
    assert begun(path, CASES) == []
    for result in kept(path, iter(whole)):
        if result == whole[2]:
            break
    with path.open("a") as file:
        file.write('{"orders": [3, 0], "co')  # killed in mid-write
    assert begun(path, CASES) == whole[:3]
    assert [*kept(path, iter(whole[3:]))] == whole[3:]
    assert begun(path, CASES) == whole
    with pytest.raises(ValueError, match="1: expected the results"):
        begun(path, CASES[:1])


WORDS = ("search", "--size", "256K", "--random", "7")


def test_the_table_names_the_front_and_what_the_kernel_has_today(tmp_path: Path) -> None:
    plot = tmp_path / "front.svg"
    said = stepdown(
        *WORDS, "--orders", "4,0", "--orders", "0", "--orders", "9,8", "--orders", "10,4,0", "--plot", str(plot)
    )
    assert said.returncode == 0, said
    assert "4 order arrays, 256 KiB on random 7" in said.stdout
    assert "1 array without a 0 that is reached" in said.stdout
    assert "static const int iommu_order_array[] = { 4, 0 };" in said.stdout
    assert "10, 4" not in said.stdout  # as good, and longer
    assert "today's { 9, 8, 4, 0 }" in said.stdout
    discs = [node for node in ElementTree.parse(plot).iter() if node.get("class") == "front"]
    assert len(discs) == said.stdout.count("static const")


def test_an_interrupted_search_shows_the_front_so_far_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    states = [word for seed in range(3, 15) for word in ("--random", str(seed))]  # seconds of work
    words = ["search", "--size", "4M", *states, "--format", "json", "--resume", str(path)]
    heard = ["env", "--default-signal=INT"]  # a shell's background job ignores it
    command = [*heard, sys.executable, "-m", "stepdown", *words]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not path.exists() or path.read_text().count("\n") < 3:
        assert child.poll() is None
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to the processes at work, too
    told, complained = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in complained
    cut = json.loads(told)
    assert 2 <= cut["done"] < cut["arrays"] == 1024
    assert cut["front"]
    again = json.loads(stepdown(*words, "--orders", "0", "--orders", "10,9,0").stdout)
    assert again["done"] == again["arrays"] == 2
    assert path.read_text().count("\n") >= 1 + cut["done"]


@pytest.mark.slow
def test_a_dask_cluster_of_two_workers_finds_the_same() -> None:
    from distributed import LocalCluster

    cluster = LocalCluster(  # type: ignore[no-untyped-call] # distributed does not say
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster:
        arrays = [word for orders in ARRAYS for word in ("--orders", ",".join(map(str, orders)))]
        there = stepdown(*WORDS, *arrays, "--backend", "dask", "--scheduler", cluster.scheduler_address)
        assert there.returncode == 0, there
        assert there.stdout == stepdown(*WORDS, *arrays).stdout
        assert cluster.scheduler is not None
        ran = cluster.scheduler.transition_counter
    assert ran > len(ARRAYS) // 8  # the scheduler had tasks to hand out


def test_rejects_what_cannot_be_searched(tmp_path: Path) -> None:
    buddyinfo = tmp_path / "buddyinfo"
    buddyinfo.write_text(BUDDYINFO)
    assert "which memory?" in refused("search", "--size", "4M")
    assert "too little free memory for 16384 pages" in refused("search", "--size", "64M", "--state", str(buddyinfo))
    assert "No such file" in refused("search", "--size", "4M", "--state", str(tmp_path / "none"))
    assert "go together" in refused(*WORDS, "--backend", "dask")
    assert "ints between commas" in refused(*WORDS, "--orders", "a")
    assert ".svg" in refused(*WORDS, "--plot", "front.png")
    assert "buddyinfo:1: expected the results" in refused(*WORDS, "--resume", str(buddyinfo))
    assert "Is a directory" in refused(*WORDS, "--resume", str(tmp_path))
