"""Reads the flags of a request as the kernel prints them: by name in a trace event, as a number in a probe."""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

from model.gfp import NAMES, Gfp

# include/linux/gfp_types.h, Linux 4.19 on: the bit of each flag. Older kernels number some of them otherwise, so a
# number is only trusted where the names printed beside another number of the same trace agree with it.
BITS = {
    "DMA": 0x1,
    "HIGHMEM": 0x2,
    "DMA32": 0x4,
    "MOVABLE": 0x8,
    "RECLAIMABLE": 0x10,
    "HIGH": 0x20,
    "IO": 0x40,
    "FS": 0x80,
    "ZERO": 0x100,
    "ATOMIC": 0x200,
    "DIRECT_RECLAIM": 0x400,
    "KSWAPD_RECLAIM": 0x800,
    "WRITE": 0x1000,
    "NOWARN": 0x2000,
    "RETRY_MAYFAIL": 0x4000,
    "NOFAIL": 0x8000,
    "NORETRY": 0x10000,
    "MEMALLOC": 0x20000,
    "COMP": 0x40000,
    "NOMEMALLOC": 0x80000,
    "HARDWALL": 0x100000,
    "THISNODE": 0x200000,
    "ACCOUNT": 0x400000,
}
RECLAIM = BITS["DIRECT_RECLAIM"] | BITS["KSWAPD_RECLAIM"]
KERNEL = RECLAIM | BITS["IO"] | BITS["FS"]
USER = KERNEL | BITS["HARDWALL"]
MOVABLE_USER = USER | BITS["HIGHMEM"] | BITS["MOVABLE"]
LIGHT = MOVABLE_USER | BITS["COMP"] | BITS["NOMEMALLOC"] | BITS["NOWARN"]
# include/trace/events/mmflags.h, "__def_gfpflag_names": names for several flags together, and old names
COMPOUNDS = {
    "GFP_KERNEL": KERNEL,
    "GFP_KERNEL_ACCOUNT": KERNEL | BITS["ACCOUNT"],
    "GFP_NOFS": KERNEL & ~BITS["FS"],
    "GFP_NOIO": RECLAIM,
    "GFP_NOWAIT": BITS["KSWAPD_RECLAIM"],
    "GFP_ATOMIC": BITS["HIGH"] | BITS["KSWAPD_RECLAIM"],
    "GFP_USER": USER,
    "GFP_HIGHUSER": USER | BITS["HIGHMEM"],
    "GFP_HIGHUSER_MOVABLE": MOVABLE_USER,
    "GFP_TRANSHUGE_LIGHT": LIGHT & ~RECLAIM,
    "GFP_TRANSHUGE": LIGHT | BITS["DIRECT_RECLAIM"],
    "GFP_DMA": BITS["DMA"],
    "GFP_DMA32": BITS["DMA32"],
    "GFP_TEMPORARY": KERNEL | BITS["RECLAIMABLE"],
    "__GFP_RECLAIM": RECLAIM,
    "__GFP_WAIT": BITS["DIRECT_RECLAIM"],
    "__GFP_REPEAT": BITS["RETRY_MAYFAIL"],
}
UNKNOWN_BITS = 32  # names that are not known here get a bit above these
NAMED = {name: BITS[name.upper()] for name in NAMES}
ALL_NAMED = sum(NAMED.values())


class BadFlags(ValueError):
    """The text is no set of flags."""


@lru_cache(maxsize=4096)
def gfp_of_number(number: int) -> Gfp:
    """Return the flags that the bits of ``number`` mean since Linux 4.19."""
    named = {name: bool(number & bit) for name, bit in NAMED.items()}
    return Gfp(**named, other=number & ~ALL_NAMED)


@lru_cache(maxsize=4096)
def gfp_of_text(text: str) -> Gfp:
    """Return the flags of ``GFP_KERNEL|__GFP_NOWARN``, or of a number. Raises BadFlags.

    A flag whose name is not known here is kept as one opaque bit, the same for the same name.
    """
    number = 0
    for word in text.split("|"):
        if word in COMPOUNDS:
            number |= COMPOUNDS[word]
        elif word.removeprefix("__GFP_") in BITS and word.startswith("__GFP_"):
            number |= BITS[word.removeprefix("__GFP_")]
        elif word[:1].isdigit():
            number |= number_of(word)
        elif word in ("none", "GFP_NOWARN"):
            number |= 0 if word == "none" else BITS["NOWARN"]
        elif word.isidentifier() and len(word) <= 64:
            number |= 1 << UNKNOWN_BITS + crc32(word.encode()) % 1024
        else:
            raise BadFlags(f"expected flags such as GFP_KERNEL|__GFP_NOWARN, got {text[:40]!a}")
    return gfp_of_number(number)


def number_of(word: str) -> int:
    """Return the number that ``word`` is, decimal or with 0x. Raises BadFlags."""
    try:
        number = int(word, 0) if len(word) <= 18 and word.isascii() else -1
    except ValueError:
        number = -1
    if number < 0:
        raise BadFlags(f"expected a number, got {word[:40]!a}")
    return number
