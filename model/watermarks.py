"""How much free memory each zone keeps back, by the kernel's own formulas, for dumps that do not show it.

mm/page_alloc.c: init_per_zone_wmark_min(), __setup_per_zone_wmarks(), setup_per_zone_lowmem_reserve().
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isqrt

from model.buddy import ZoneState
from model.machine import ZONE_NAMES

PAGE_KB = 4
LEAST_KB, MOST_KB = 128, 262144  # calculate_min_free_kbytes(): "clamp(new_min_free_kbytes, 128, 262144)"
HIGHMEM_LEAST, HIGHMEM_MOST = 32, 128  # pages: "clamp(min_pages, SWAP_CLUSTER_MAX, 128UL)"
RESERVE_RATIO = {"DMA": 256, "DMA32": 256, "Normal": 32}  # "sysctl_lowmem_reserve_ratio[MAX_NR_ZONES]"
# arch/x86/include/asm/dma.h, MAX_DMA_PFN and MAX_DMA32_PFN: where a zone ends that another one follows
ZONE_END_KB = {"DMA": 16 << 10, "DMA32": 4 << 20}
MEMINFO = re.compile(r"\b(MemTotal|HighTotal):\s+(\d{1,12}) kB", re.ASCII)


@dataclass(frozen=True)
class Memory:
    """What /proc/meminfo says of a machine's size."""

    total_kb: int
    high_kb: int = 0


def memory_of(lines: Iterable[str]) -> Memory | None:
    """Return the sizes in lines of /proc/meminfo, whatever is around them, None where there are none."""
    found: dict[str, int] = {}
    for line in lines:
        for name, number in MEMINFO.findall(line):
            found.setdefault(name, int(number))
    return Memory(found["MemTotal"], min(found.get("HighTotal", 0), found["MemTotal"])) if "MemTotal" in found else None


def min_free_kb(lowmem_kb: int) -> int:
    """Return min_free_kbytes of a machine that nobody tuned."""
    return max(LEAST_KB, min(MOST_KB, isqrt(lowmem_kb * 16)))


def managed_kb(zones: Sequence[ZoneState], memory: Memory, node: int) -> Mapping[str, int]:
    """Return the memory of each zone of one node, as far as the zones' borders and the machine's size tell."""
    names = [name for name in ZONE_NAMES if any(z.name == name and z.node == node for z in zones)]
    nodes = len({zone.node for zone in zones})
    left, sizes = (memory.total_kb - memory.high_kb) // nodes, {}
    low = [name for name in names if name not in ("HighMem", "Movable", "Device")]
    start = 0
    for name in low:
        end = ZONE_END_KB.get(name, left + start) if name != low[-1] else left + start
        sizes[name] = min(left, end - start)
        left, start = left - sizes[name], end
    if "HighMem" in names:
        sizes["HighMem"] = memory.high_kb // nodes
    return sizes


def with_watermarks(zones: Sequence[ZoneState], memory: Memory) -> tuple[ZoneState, ...]:
    """Return the zones with the minimum watermark and the reserve that the kernel would give them.

    A zone that has a watermark already keeps it.
    """
    lowmem_kb = memory.total_kb - memory.high_kb
    pages_min = min_free_kb(lowmem_kb) // PAGE_KB
    after = []
    for zone in zones:
        sizes = managed_kb(zones, memory, zone.node)
        managed = sizes.get(zone.name, 0) // PAGE_KB
        if zone.min_pages or zone.name not in sizes:
            after.append(zone)
            continue
        if zone.name == "HighMem":
            min_pages = max(HIGHMEM_LEAST, min(HIGHMEM_MOST, managed // 1024))
        else:
            min_pages = pages_min * managed // max(1, lowmem_kb // PAGE_KB)
        above = ZONE_NAMES[ZONE_NAMES.index(zone.name) + 1 :]
        higher = sum(kb // PAGE_KB for name, kb in sizes.items() if name in above)
        reserve = higher // RESERVE_RATIO[zone.name] if zone.name in RESERVE_RATIO else 0
        after.append(replace(zone, min_pages=min_pages, reserve_pages=reserve))
    return tuple(after)
