"""`stepdown trace`: what real traces show, what a changed line breaks, and what is never taken for evidence."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.events import Attempt
from spec.claims import CLAIMS
from spec.evidence import NEEDS
from stepdown.trace import Known, target_of
from tests.tracing import FOLDER, K4, TRACES, attempt_lines, broken, judged, only, reprinted, words

WITHOUT_PROBES = [name for name in TRACES if "kmem-" in name]
CONTIGUOUS = "arm-6.1/fresh-2097152-contig.trace"
REACHED = [name for name in TRACES if name not in (*WITHOUT_PROBES, CONTIGUOUS)]
NEVER_SHOWN = {"terminates", "array-index-in-bounds"}


def read(name: str) -> str:
    return TRACES[name].read_text()


@pytest.mark.parametrize("name", REACHED)
def test_a_real_trace_conforms_and_agrees_with_the_model_in_every_attempt(name: str) -> None:
    verdict, (call,) = judged(read(name))
    assert (verdict.word, verdict.status, verdict.reasons) == ("CONFORMS", 0, [])
    assert call.agreement is not None
    assert call.agreement.at is None
    assert call.agreement.attempts == call.call.attempts > 0
    assert call.frames_agree is (None if "oom" in name else True)
    assert call.call.loop == ("arm" if name.startswith("arm") else "dma-iommu")
    assert call.call.told_by == "return address"


@pytest.mark.parametrize("name", REACHED)
def test_the_number_of_attempts_is_that_of_the_return_addresses(name: str) -> None:
    text = read(name)
    if "fgraph" not in name:
        assert only(text).call.attempts == len(attempt_lines(text))


def test_a_contiguous_request_did_not_reach_the_loop() -> None:
    verdict, (call,) = judged(read(CONTIGUOUS))
    assert (verdict.word, verdict.status) == ("NOT REACHED", 3)
    assert "the loop was not reached: DMA_ATTR_FORCE_CONTIGUOUS" in call.reasons[0]


@pytest.mark.parametrize("name", WITHOUT_PROBES)
def test_a_trace_without_probes_agrees_but_is_not_enough(name: str) -> None:
    verdict, (call,) = judged(read(name))
    assert (verdict.word, verdict.status) == ("NOT ENOUGH EVIDENCE", 3)
    assert call.agreement is not None
    assert (call.agreement.at, call.frames_agree) == (None, True)
    assert any("above the allocator's largest order" in reason for reason in call.reasons)
    assert words(call)["orders-from-array"] == "not observable"


def test_other_requests_are_kept_apart_and_counted() -> None:
    verdict, _ = judged(read("arm-6.1/kmem-noisy-1060864.trace"))
    assert verdict.other_requests == 2
    assert judged(read("arm-6.1/fresh-16777216.trace"))[0].other_requests == 8  # 4 pages of the array, by vmalloc


def test_a_failed_request_shows_its_rollback() -> None:
    call = only(read("arm-6.1/oom-67108864.trace"))
    assert call.call.ok is False
    assert call.call.granted_pages == 5462
    for claim in ("rollback-exact", "stops-at-first-refused-page", "gives-up-only-at-order-0"):
        assert words(call)[claim] == "held"


def test_a_page_kept_or_freed_twice_in_a_rollback_is_found() -> None:
    lines = read("arm-6.1/oom-67108864.trace").splitlines(keepends=True)
    refused = next(at for at, line in enumerate(lines) if "pfn=0x0 order=0" in line)
    at = next(at for at, line in enumerate(lines) if at > refused + 10 and "mm_page_free" in line)
    kept = only("".join([*lines[:at], *lines[at + 1 :]]).replace("7001/7001", "7000/7000"))
    assert broken(kept) == {"rollback-exact": kept.call.lines[-1]}
    twice = only("".join([*lines[: at + 1], *lines[at:]]).replace("7001/7001", "7002/7002"))
    assert broken(twice) == {"rollback-exact": at + 2}


def test_a_page_freed_before_it_was_granted_is_somebody_elses() -> None:
    lines = read("arm-6.1/oom-67108864.trace").splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if " apr: (arm_iommu" in line)
    frame = next(line.split("pfn=")[1].split()[0] for line in lines[first + 1 :] if "mm_page_alloc" in line)
    task, _, _ = lines[first].partition(" apr:")
    early = f"{task} mm_page_free: page=e26b04ba pfn={frame} order=0\n"
    call = only("".join([*lines[: first + 1], early, *lines[first + 1 :]]).replace("7001/7001", "7002/7002"))
    assert words(call)["rollback-exact"] == "held"


def test_a_claim_is_held_only_where_something_put_it_to_the_test() -> None:
    small = words(only(read("arm-6.1/fresh-4096.trace")))  # one page: one attempt
    for claim in ("orders-never-increase", "high-orders-never-retry", "refused-order-not-asked-again"):
        assert small[claim] == "not observable"
    assert small["page-total"] == "held"
    for name in REACHED:
        shown = words(only(read(name)))
        assert all(shown[claim] == "not observable" for claim in NEVER_SHOWN if shown[claim] != "not applicable")


def test_every_monitor_says_what_evidence_it_needs() -> None:
    monitors = {part.monitor.__name__ for claim in CLAIMS.values() for part in claim.parts}
    assert monitors <= set(NEEDS)
    assert all(needs.to_break <= needs.to_hold for needs in NEEDS.values())


def test_the_orders_of_an_iommu_are_what_the_user_says() -> None:
    text = read("x86-intel-6.1/k9k8k4k0-2166784.trace")
    assert words(only(text))["big-blocks-first"] == "not observable"
    assert words(only(text, Known(orders=(9, 0))))["big-blocks-first"] == "held"
    skipped = only(text, Known(orders=(9, 4, 0)))
    assert "big-blocks-first" in broken(skipped)


# one changed token in k4k0-1060864, and the claims that it breaks among others
CHANGES = [
    ("order=8", "order=7", {"orders-from-array"}),
    ("gfp=0x12cc2 order=8", "gfp=0x2cc2 order=8", set()),
    ("=0 gfp_flags=GFP_KERNEL|__GFP_HIGHMEM|__GFP_NOWARN|__GFP_NORETRY",
     "=0 gfp_flags=GFP_KERNEL|__GFP_HIGHMEM|__GFP_NOWARN", {"high-orders-never-retry"}),
    ("gfp=0xcc0 attrs=0x0", "gfp=0xdc0 attrs=0x0", {"flags-pass-through"}),
    ("gfp=0xcc0 attrs=0x0", "gfp=0x10cc0 attrs=0x0", {"fallback-may-retry"}),
    ("size=1060864 gfp", "size=1056768 gfp", {"page-total", "never-asks-too-much"}),
    ("clr: (__dma_clear_buffer+0x0/0x188) page=0xceeec900 size=65536", "x: 1", {"cleared-once"}),
    ("clr: (__dma_clear_buffer+0x0/0x188) page=0xceeec900 size=65536",
     "clr: (__dma_clear_buffer+0x0/0x188) page=0xceeec900 size=61440", {"cleared-once"}),
    ("runs: 48c40+16 48c20+16", "runs: 48c20+16 48c40+16", set()),
    ("runs: 48c40+16 48c20+16", "runs: 48c40+16 48c21+16", {"every-page-stored-once"}),
    ("runs: 48c40+16", "runs: 47b6a+1 48c40+15", {"chunk-index-aligned", "every-page-stored-once"}),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CHANGES)
def test_a_changed_token_breaks_its_claim(old: str, new: str, expected: set[str]) -> None:
    assert old in K4
    text = K4.replace(old, new) if old == "order=8" else K4.replace(old, new, 1)
    verdict, (call,) = judged(text)
    assert expected <= set(broken(call))
    assert verdict.word != "CONFORMS"
    assert verdict.status == (1 if broken(call) else 3)


def test_the_line_that_breaks_a_claim_is_named() -> None:
    lines = K4.splitlines(keepends=True)
    at = [at for at, line in enumerate(lines) if "mm_page_alloc: " in line][5]
    lines[at] = lines[at].replace("|__GFP_NORETRY", "")
    assert broken(only("".join(lines)))["high-orders-never-retry"] == at + 1


def test_an_order_asked_again_after_its_refusal_is_found() -> None:
    lines = K4.splitlines(keepends=True)
    first, last = attempt_lines(K4)[0]
    again = [re.sub(r"  4\.\d+:", "  4.850846:", line) for line in lines[first:last]]
    call = only("".join(lines[:last] + again + lines[last:]).replace("88/88", "97/97"))
    assert {"refused-order-not-asked-again"} <= set(broken(call))
    assert call.agreement is not None
    assert call.agreement.at == 1


@pytest.mark.parametrize("name", ["arm-6.1/k4k0-1060864.trace", "x86-intel-6.1/fresh-69632.trace"])
def test_a_trace_that_lacks_an_attempt_never_conforms(name: str) -> None:
    text = read(name)
    lines = text.splitlines(keepends=True)
    for first, last in attempt_lines(text):
        assert judged("".join(lines[:first] + lines[last:]))[0].word != "CONFORMS"


def test_a_trace_cut_anywhere_never_conforms() -> None:
    lines = K4.splitlines(keepends=True)
    whole = next(at for at, line in enumerate(lines) if " aiar: " in line) + 1
    for end in range(12, whole):
        assert judged("".join(lines[:end]))[0].word != "CONFORMS"
    assert judged("".join(lines[:whole]))[0].word == "CONFORMS"


def test_any_two_events_exchanged_or_one_left_out_never_break_a_claim() -> None:
    """What a trace lost is no fault of the kernel's."""
    lines = K4.splitlines(keepends=True)
    events = [at for at, line in enumerate(lines) if not line.startswith("#")]
    for number in range(150):
        random = Random(number)
        changed, at, other = lines.copy(), random.choice(events), random.choice(events)
        if number % 2:
            changed[at] = ""
        else:
            changed[at], changed[other] = changed[other], changed[at]
        verdict, _ = judged("".join(changed))
        assert verdict.word == "NOT ENOUGH EVIDENCE" or "mm_vmscan" in lines[at] or at == other, (number, verdict)


def test_lines_in_another_order_are_no_evidence() -> None:
    lines = K4.splitlines(keepends=True)
    start = next(at for at, line in enumerate(lines) if " aia: " in line)
    lines[start + 11 : start + 40] = reversed(lines[start + 11 : start + 40])
    verdict, _ = judged("".join(lines))
    assert verdict.word not in ("CONFORMS", "BROKEN")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("88/88", "88/9000", "overran: 8912 of 9000 events are lost"),
        ("88/88", "90/90", "the header counts 90 events, the trace has 88"),
        ("     init-1       [000]      4.850856", "CPU:0 [LOST 17 EVENTS]\n  init-1  [000]  4.850856", "lost"),
    ],
)  # fmt: skip
def test_what_the_kernel_lost_is_said_and_nothing_conforms(old: str, new: str, said: str) -> None:
    verdict, (call,) = judged(K4.replace(old, new, 1))
    assert verdict.word == "NOT ENOUGH EVIDENCE"
    assert said in " ".join([*call.reasons, *verdict.reasons])


@pytest.mark.parametrize("form", ["old", "tgid", "flags", "trace-cmd", "perf"])
@pytest.mark.parametrize("name", ["arm-6.1/k4k0-1060864.trace", "x86-intel-6.1/k0-65536.trace"])
def test_every_dialect_says_the_same(name: str, form: str) -> None:
    text = read(name)
    assert words(only(reprinted(text, form))) == words(only(text))
    assert judged(reprinted(text, form))[0].word == "CONFORMS"


def test_without_return_addresses_flags_tell_the_requests_of_a_call() -> None:
    text = re.sub(r".* apr: .*\n|# entries.*\n", "", read("arm-6.1/k8k4k0-1060864.trace"))
    call = only(text)
    assert (call.call.told_by, call.call.attempts) == ("window", 4)
    assert words(call)["flags-pass-through"] == "not observable"
    assert words(call)["page-total"] == "held"


def test_without_the_begin_of_the_call_the_size_comes_from_the_user() -> None:
    text = re.sub(r"^# module.*\n|.* (aia|aiar|cmap): .*\n", "", K4, flags=re.MULTILINE)
    assert only(text).call.n is None
    assert judged(text)[0].word == "NOT ENOUGH EVIDENCE"
    call = only(text, Known(size_bytes=1060864))
    assert (call.call.n, call.call.attempts, call.call.granted_pages) == (259, 20, 259)


def test_two_tasks_on_two_cpus_are_two_buffers() -> None:
    ours = [line for line in K4.splitlines(keepends=True) if not line.startswith("#")]
    theirs = [line.replace("init-1 ", "fbdev-77 ").replace("[000]", "[001]") for line in ours]
    mixed = [line for pair in zip(ours, theirs, strict=True) for line in pair]
    verdict, calls = judged(mixed)
    assert (verdict.word, len(calls)) == ("CONFORMS", 2)
    assert {call.call.task for call in calls} == {"init-1", "fbdev-77"}


def test_a_header_tells_of_one_call_alone() -> None:
    body = "".join(line for line in K4.splitlines(keepends=True) if not line.startswith("#"))
    head = "".join(line for line in K4.splitlines(keepends=True) if line.startswith("#"))
    _, calls = judged(head.replace("88/88", "176/176") + body + body.replace("     4.8", "    14.8"))
    assert [call.frames_agree for call in calls] == [None, None]
    _, apart = judged(K4 + K4)
    assert [(call.word, call.frames_agree) for call in apart] == [("CONFORMS", True)] * 2


def test_a_silent_refusal_above_the_largest_order_is_seen_by_the_probe() -> None:
    """An order above the maximum returns before the tracepoint: the probe alone shows it."""
    lines = K4.splitlines(keepends=True)
    at = attempt_lines(K4)[0][0]
    probes = [
        lines[at].replace("order=8", "order=12"),
        lines[attempt_lines(K4)[0][1] - 1].replace("4.850846", "4.850440"),
    ]
    call = only("".join(lines[:at] + probes + lines[at:]))
    assert {"orders-from-array", "orders-deliverable"} <= set(broken(call))
    assert call.call.events[0] == Attempt(12, call.call.events[1].gfp, None)  # type: ignore[union-attr] # an attempt


def test_pages_of_another_size_are_no_broken_claim() -> None:
    text = re.sub(r"size=\d+", "size=16384", read("x86-intel-6.1/fresh-4096.trace"))
    call = only(text)
    assert call.word == "NOT ENOUGH EVIDENCE"
    assert "16384 bytes" in " ".join(call.reasons)


@pytest.mark.parametrize("form", ["decimal", "hex"])
def test_frames_are_read_decimal_and_hexadecimal(form: str) -> None:
    def printed(found: re.Match[str]) -> str:
        frame = int(found[1], 16)
        return f"pfn={frame}" if form == "decimal" else f"pfn=0x{frame:08x}"

    assert judged(re.sub(r"pfn=0x([0-9a-f]+)", printed, K4))[0].word == "CONFORMS"


def test_a_numeric_gfp_that_the_names_contradict_is_not_used() -> None:
    text = K4.replace("gfp=0x12cc2", "gfp=0x1200c2").replace("gfp=0x2cc2", "gfp=0x200c2")
    call = only(text)
    assert words(call)["flags-pass-through"] == "not observable"
    assert words(call)["page-total"] == "held"


def test_every_real_dialect_of_the_event_is_read() -> None:
    lines = (FOLDER / "trace-mm_page_alloc-variants.txt").read_text()
    verdict, calls = judged(lines)
    assert (verdict.word, calls, verdict.reasons) == (
        "NOT REACHED",
        [],
        ["the loop was not reached: no request is its own"],
    )
    assert verdict.other_requests == 11
    assert verdict.lines == 26


def test_a_call_stack_of_perf_script_tells_the_loop() -> None:
    event = "disp  77 [000] {t}:  kmem:mm_page_alloc: page=0x{f:x} pfn={f} order=0 migratetype=0 gfp_flags={g}\n"
    stack = "    c0269f84 __alloc_pages_nodemask+0x22e (/lib/vmlinux)\n\tc0111a44 {caller}+0x488 (/lib/vmlinux)\n\n"
    flags = "GFP_KERNEL|__GFP_HIGHMEM|__GFP_NOWARN"
    text = "".join(
        event.format(t=f"22.00000{at}", f=4096 + at, g=flags) + stack.format(caller=caller)
        for at, caller in enumerate(["arm_iommu_alloc_attrs", "__vmalloc_node_range", "__iommu_alloc_buffer"])
    )
    verdict, (call,) = judged(text, Known(size_bytes=8192))
    assert (call.call.told_by, call.call.loop, call.call.attempts) == ("return address", "arm", 2)
    assert verdict.other_requests == 1


@given(st.integers(1, 40), st.integers(0, 30))
@settings(max_examples=20)
def test_the_first_calls_of_many_are_judged_as_the_last(calls: int, first: int) -> None:
    body = [line for line in K4.splitlines(keepends=True) if not line.startswith("#")]
    verdict, judgements = judged("".join(body * calls).replace(": aia:", ": aia:", first))
    assert verdict.counts == {"CONFORMS": calls}
    assert len({tuple(sorted(words(call).items())) for call in judgements}) == 1


def test_a_target_is_chosen_by_the_call() -> None:
    single = only(read("arm-6.1/fresh-1048576-single.trace"))
    assert single.target == "single-pages"
    assert words(single)["single-pages"] == "held"
    assert words(single)["big-blocks-first"] == "not applicable"
    assert target_of(only(K4).call, [], Known()).name == "patched"
