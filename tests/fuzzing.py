"""Mutates text: bytes changed, spans cut, doubled, moved, and words that break readers put in."""

from __future__ import annotations

from random import Random

HOSTILE = [
    "\0", "\x1b[2J", "-1", "0x", "99999999999999999999999", "-0", "order=64", "order=999", "pfn=0xffffffffffffffff",
    "page=(null)", "page=00000000 pfn=0x5", "size=0", "size=-4096", "size=18446744073709551615", "gfp=0x", "|", "||",
    "gfp_flags=", "gfp_flags=GFP_KERNEL|", "[000]", "[LOST 3 EVENTS]", "# tracer: nop\n", "/* mm_page_alloc: ",
    " 0)   |  }\n",     "# module: buf 0 size=4096 runs: 1+1",
    "entries-in-buffer/entries-written: 1/2", "\u0663", "\ud7ff", "\n",
    "\r", "\t", " = ",
    "Node 0, zone DMA", "(UME)", "4*4kB", "= 15864kB", "nan", "1e9", ":", "(", ")", "<-", "{", "}", ">100000",
]  # fmt: skip


def mutated(text: str, random: Random) -> str:
    """Return ``text`` with one to six changes."""
    for _ in range(random.randint(1, 6)):
        at, length = random.randrange(len(text) + 1), random.choice((0, 1, 1, 3, 20, 200))
        span = text[at : at + length]
        choice = random.randrange(6)
        if choice == 0:
            text = text[:at] + text[at + length :]
        elif choice == 1:
            text = text[:at] + random.choice(HOSTILE) + text[at + length :]
        elif choice == 2:
            text = text[:at] + span * random.choice((2, 3, 50)) + text[at + length :]
        elif choice == 3:
            text = text[:at] + "".join(chr(random.choice((random.randrange(128), random.randrange(0xD000))))
                                       for _ in span) + text[at + length :]  # fmt: skip
        elif choice == 4:
            lines = text.splitlines(keepends=True)
            first, second = random.randrange(len(lines) + 1), random.randrange(len(lines) + 1)
            text = "".join(lines[:first] + lines[second : second + 3] + lines[first:])
        else:
            digits = "".join(random.choice("0123456789abcdefx-") for _ in span)
            text = text[:at] + digits + text[at + length :]
        text = text or "x"
    return text
