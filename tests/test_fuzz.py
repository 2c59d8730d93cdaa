"""No input crashes a reader: it is judged, or refused in one line; and what lacks evidence never conforms."""

from __future__ import annotations

import io
from random import Random

import pytest

from model.dumps import BadDump, read_dump
from model.trace_forms import BadTrace
from stepdown.trace import ALL_CLAIMS, Known
from tests.fuzzing import mutated
from tests.test_dumps import REAL
from tests.tracing import FOLDER, TRACES, judged

SEEDS = [
    TRACES[f"arm-6.1/{name}.trace"].read_text()
    for name in ("fresh-69632", "k8k4k0-1060864", "k8k4k0-2097152", "kmem-noisy-1060864", "fgraph-1060864", "k0-65536")
] + [(FOLDER / "trace-mm_page_alloc-variants.txt").read_text(), TRACES["x86-intel-6.1/fresh-4096.trace"].read_text()]
WORDS = {"CONFORMS", "BROKEN", "MISMATCH", "NOT ENOUGH EVIDENCE", "NOT REACHED"}
KNOWN = [
    Known(),
    Known(size_bytes=69632),
    Known(size_bytes=0),
    Known(orders=(9, 0), max_order=3),
    Known(loop="dma-iommu"),
]


def judged_traces(first: int, count: int) -> int:
    """Judge ``count`` mutated traces; return how many were not refused."""
    read = 0
    for seed in range(first, first + count):
        random = Random(seed)
        text = mutated(random.choice(SEEDS), random)
        try:
            verdict, calls = judged(text, random.choice(KNOWN))
        except BadTrace as bad:
            assert "\n" not in str(bad), seed
            continue
        read += 1
        assert verdict.word in WORDS, seed
        for call in calls:
            assert len(call.claims) in (0, len(ALL_CLAIMS)), seed
            if call.word == "CONFORMS":
                assert call.call.n is not None, seed
                assert call.call.granted_pages == call.call.n or call.call.ok is False, seed
                assert call.agreement is not None, seed
                assert call.agreement.at is None, seed
    return read


def read_dumps(first: int, count: int) -> int:
    """Read ``count`` mutated dumps; return how many were not refused."""
    read = 0
    for seed in range(first, first + count):
        random = Random(seed)
        text = mutated(REAL[random.choice(sorted(REAL))], random)
        try:
            assert all(min(zone.by_order()) >= 0 for zone in read_dump(io.StringIO(text)).zones), seed
            read += 1
        except BadDump as bad:
            assert "\n" not in str(bad), seed
            assert len(str(bad)) < 300, seed
    return read


def test_mutated_traces_are_judged_or_refused() -> None:
    assert 0 < judged_traces(0, 600) < 600


def test_mutated_dumps_are_read_or_refused() -> None:
    assert 0 < read_dumps(0, 3000) < 3000


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_fifty_thousand_mutated_traces_are_judged_or_refused(part: int) -> None:
    assert 0 < judged_traces(1_000_000 + 5000 * part, 5000) < 5000


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
def test_fifty_thousand_mutated_dumps_are_read_or_refused(part: int) -> None:
    assert 0 < read_dumps(2_000_000 + 10_000 * part, 10_000) < 10_000
