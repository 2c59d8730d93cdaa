"""The printed forms of a trace's lines, and what a line can say: /sys/kernel/tracing/trace of any age, trace-cmd
report, perf script (with call stacks), function_graph with events as comments, and probes on functions, told by the
function in brackets."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

LONGEST_LINE = 1 << 20  # characters; the header of the lab lists a buffer's runs of frames in one line
LONGEST_EVENT = 4096  # the kernel's own lines have about 250
MOST_FRAMES = 1 << 52
MOST_PROBES = 4096  # forms of probes remembered
MOST_ORDERS = 64


class BadTrace(ValueError):
    """The input is no trace; the message is one line."""


class Kind(IntEnum):
    """What a record says."""

    ENTER = 1  # a function that the loop is in begins: ``values`` has size, gfp, attrs
    LEAVE = 2  # it returns: ``values`` has ret
    ASK = 3  # the page allocator is entered: ``values`` has gfp, order
    ANSWER = 4  # mm_page_alloc
    RETURN = 5  # the page allocator returns to ``function``: ``values`` has page
    FREE = 6  # mm_page_free
    CLEAR = 7  # __dma_clear_buffer: ``values`` has page, size
    MAPPED = 8  # __iommu_create_mapping: the loop is over and has its pages
    WORK = 9  # compaction or reclaim begins or ends, ``function`` says which
    LOST = 10  # the kernel says that events are missing here
    HEADER = 11  # a line "# key: value"


class Record(NamedTuple):
    """One line of a trace, as far as it matters. ``frame`` is None for a refusal."""

    kind: Kind
    line: int
    task: str = ""
    time: float | None = None
    order: int = 0
    frame: int | None = None
    gfp: str = ""
    function: str = ""
    values: str = ""
    is_interrupt: bool = False
    bits: int = 0  # of the kernel's pointers, where the line shows them


# A: ftrace, trace-cmd and perf all print "[cpu] flags time: system:event: fields"; what stands before is the task.
EVENT = re.compile(
    r"\[(\d{1,5})\]\s+(?:([^\s:]{1,8})\s+)?(\d{1,12}\.\d{1,9}):\s+(?:\d{1,20}\s+)?(?:[\w-]{1,64}:)?([\w.]{1,128}):\s+(.*)",
    re.ASCII | re.DOTALL,
)
ENTRY = re.compile(r"\[\d{1,5}\]\s+(?:\S{1,8}\s+)?\d{1,12}\.\d{1,9}: ", re.ASCII)  # of any tracer
BARE = re.compile(r"\s*(?:kmem:)?(mm_page_alloc|mm_page_free):\s+(page=.*)", re.ASCII | re.DOTALL)
PAGE = r"page=(\(null\)|\(nil\)|(?:0x)?[0-9a-fA-F]{1,16}) +pfn=(0x[0-9a-fA-F]{1,16}|\d{1,20}) +order=(\d{1,3})\b"
ALLOCATED = re.compile(PAGE + r".*? gfp_flags=([\w|]{1,400})", re.ASCII | re.DOTALL)
FREED = re.compile(PAGE + r"()", re.ASCII)
PROBE = re.compile(
    r"\((?P<at>[\w.]{1,128})(?:\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?)?(?: \[[\w-]+\])?"
    r"(?: <- (?P<of>[\w.]{1,128})(?:\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?)?(?: \[[\w-]+\])?)?\)$",
    re.ASCII | re.DOTALL,
)
LOST = re.compile(
    r"LOST \d+ EVENTS|EVENTS DROPPED|PERF_RECORD_LOST|(?<!\d)\d{1,12} events? lost|LOST EVENTS", re.IGNORECASE
)
HEADER = re.compile(r"#\s?([\w /.()-]{1,60}):\s?(.*)", re.DOTALL)
GRAPH = re.compile(
    r"^[\s\d.|]*?(?P<cpu>\d{1,5})\)\s(?:\s*(?P<task>[^|\n]{1,40}-\d{1,8})\s+\|)?[^|\n]{0,60}\|(?P<indent> *)"
    r"(?:/\* (?P<event>\w+): (?P<fields>.*?) \*/|(?P<call>[\w.]+)\(\)(?P<open> \{|;)|(?P<end>\}))",
    re.ASCII,
)
GRAPH_SWITCH = re.compile(r"^\s*(\d{1,5})\)\s.* => ", re.ASCII)
STACK = re.compile(r"^\s+[0-9a-f]{4,16} ([\w.]{1,128})(?:\+0x[0-9a-f]+)? \(", re.ASCII)
ZERO_PAGES = {"(null)", "(nil)"}
SUFFIX = re.compile(r"\.(?:constprop|isra|part|cold|llvm)\.?\d*(?:\.\d+)*$")

ALLOCATOR = {"__alloc_pages", "__alloc_pages_noprof", "__alloc_pages_nodemask", "__alloc_frozen_pages_noprof"}
ENTRIES = {"arm_iommu_alloc_attrs", "__arm_iommu_alloc_attrs", "arm_coherent_iommu_alloc_attrs", "iommu_dma_alloc"}
ARM_LOOP = {*(ENTRIES - {"iommu_dma_alloc"}), "__iommu_alloc_buffer"}
DMA_IOMMU_LOOP = {
    "iommu_dma_alloc", "iommu_dma_alloc_remap", "__iommu_dma_alloc_noncontiguous", "__iommu_dma_alloc_pages",
}  # fmt: skip
LOOPS = dict.fromkeys(ARM_LOOP, "arm") | dict.fromkeys(DMA_IOMMU_LOOP, "dma-iommu")
# the names that the lab's probes have, for printers that show addresses in place of functions
BY_EVENT = {
    "ap": ("__alloc_pages", False), "apr": ("__alloc_pages", True), "aia": ("arm_iommu_alloc_attrs", False),
    "aiar": ("arm_iommu_alloc_attrs", True), "ida": ("iommu_dma_alloc", False), "idar": ("iommu_dma_alloc", True),
    "clr": ("__dma_clear_buffer", False), "cmap": ("__iommu_create_mapping", False),
}  # fmt: skip
WORK = {
    "mm_compaction_begin", "mm_compaction_end", "mm_vmscan_direct_reclaim_begin", "mm_vmscan_direct_reclaim_end",
}  # fmt: skip


def plain_name(function: str) -> str:
    """Return the name of a function without what the compiler adds: ".constprop.0"."""
    return SUFFIX.sub("", function)


def probe_of(event: str, place: str) -> tuple[str, bool, str]:
    """Return the function that a probe is on, whether it is on its return, and to whom it returns: "" is not known."""
    probe = PROBE.match(place)
    if probe is None:
        return "", False, ""
    at, of = probe["at"], probe["of"]
    function, returns = (of, True) if of else (plain_name(at), False)
    if is_address(at):  # a printer without symbols
        function, returns = BY_EVENT.get(event, ("", False))
    caller = "" if is_address(at) else plain_name(at)
    return plain_name(function), returns, caller


def kind_of(function: str, returns: bool, caller: str) -> tuple[Kind | None, str]:
    """Return what a function's begin or end is to the loop, and the function that the record names."""
    if function in ALLOCATOR:
        return (Kind.RETURN, caller) if returns else (Kind.ASK, "")
    if function in ENTRIES:
        return Kind.LEAVE if returns else Kind.ENTER, function
    if function == "__dma_clear_buffer" and not returns:
        return Kind.CLEAR, function
    if function == "__iommu_create_mapping" and not returns:
        return Kind.MAPPED, function
    return None, ""


def is_address(text: str) -> bool:
    """Return whether ``text`` is an address rather than a function's name."""
    digits = text.removeprefix("0x")
    return len(digits) >= 8 and all(digit in "0123456789abcdef" for digit in digits)
