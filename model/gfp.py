"""GFP flags as a set of named bits, include/linux/gfp_types.h.

The kernel writes ``__GFP_NORETRY``; Python would mangle two leading underscores inside a class, so the names here
begin with ``GFP_``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property


@dataclass(frozen=True)
class Gfp:
    """The flags of one allocation request: one Boolean a bit that matters to a loop of this family or to the
    allocator, and the remaining bits as one opaque number that passes through untouched."""

    noretry: bool = False
    nowarn: bool = False
    highmem: bool = False
    comp: bool = False
    zero: bool = False
    nofail: bool = False
    retry_mayfail: bool = False
    direct_reclaim: bool = False
    kswapd_reclaim: bool = False
    io: bool = False
    fs: bool = False
    other: int = 0

    def __or__(self, flags: Gfp) -> Gfp:
        """Return the flags that are in either; ``flags`` on the right is usually a constant."""
        # A loop joins the same two sets in every turn: the last result is kept for as long as ``self`` lives.
        last: tuple[Gfp, Gfp] | None = self.__dict__.get("last_union")
        if last is None or last[0] is not flags:
            named: dict[str, bool] = {name: getattr(flags, name) or getattr(self, name) for name in NAMES}
            both = Gfp(**named, other=self.other if flags.other == 0 else self.other | flags.other)
            self.__dict__["last_union"] = last = flags, both
        return last[1]

    def without(self, flags: Gfp) -> Gfp:
        """Return the flags less those in ``flags``: the kernel's ``gfp & ~flags``."""
        named: dict[str, bool] = {name: not getattr(flags, name) and getattr(self, name) for name in NAMES}
        return Gfp(**named, other=self.other if flags.other == 0 else self.other & ~flags.other)

    @cached_property
    def bits(self) -> int:
        """The flags as one number: a bit for each name, in the order of NAMES, and the opaque rest as it is."""
        return sum(1 << at for at, name in enumerate(NAMES) if getattr(self, name)) | self.other

    def __str__(self) -> str:
        return "|".join(names_set(self)) or "0"


NAMES: tuple[str, ...] = tuple(field.name for field in fields(Gfp) if field.name != "other")

GFP_NORETRY = Gfp(noretry=True)
GFP_NOWARN = Gfp(nowarn=True)
GFP_HIGHMEM = Gfp(highmem=True)
GFP_COMP = Gfp(comp=True)
GFP_ZERO = Gfp(zero=True)
GFP_RECLAIM = Gfp(direct_reclaim=True, kswapd_reclaim=True)
GFP_KERNEL = Gfp(direct_reclaim=True, kswapd_reclaim=True, io=True, fs=True)


def names_set(gfp: Gfp) -> list[str]:
    """Return the flags of a concrete set, GFP_KERNEL folded to one name, the opaque rest in hexadecimal."""
    present = [name for name in NAMES if getattr(gfp, name)]
    kernel = [name for name in NAMES if getattr(GFP_KERNEL, name)]
    names = [f"__GFP_{name.upper()}" for name in present]
    if all(name in present for name in kernel):
        names = ["GFP_KERNEL"] + [f"__GFP_{name.upper()}" for name in present if name not in kernel]
    return names + ([hex(gfp.other)] if gfp.other else [])
