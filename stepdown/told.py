"""What a loop does, in the words of stubs.h: the same line that the compiled function prints when it does the same.

A line is a word for each attempt, split, clear and free, in their order, then how the call ends, and on success the
frame in each slot.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.environments import Scripted
from model.events import End
from model.gfp import Gfp
from model.kernel import Kernel, PageArray, entry_of
from model.loop import Call, Loop, after_turn
from stepdown.compiled import Case, gfp_from


def told(loop: Loop, case: Case) -> str:
    """Return what the model does, as the driver prints it. Raises Crash."""
    call = Call(case.n, case.gfp, case.single_pages)
    memory = PageArray()
    kernel = Telling(Scripted(case.answers, case.grants), memory)
    state = loop.start(call)
    while not isinstance(state, End):
        state = after_turn(loop, call, state, kernel)
    end = ["ok", *map(str, _frames(memory, case.n))] if state.ok else ["failed"]
    return " ".join([*kernel.words, *end])


class Telling(Kernel):
    """A kernel that tells what it is asked in ``words``, as stubs.h does, and makes no events: most of the time of a
    run would go into these. What the compiled function cannot tell, turns, looks and stores, is not told."""

    def __init__(self, allocator: Scripted, memory: PageArray) -> None:
        super().__init__(allocator, memory)
        self.words: list[str] = []

    def look(self, array: Sequence[int], index: int) -> int:
        """Return ``array[index]``."""
        return entry_of(array, index)

    def alloc_pages(self, gfp: Gfp, order: int) -> int | None:
        """Tell the attempt and its answer."""
        frame = self.allocator.alloc_pages(gfp, order)
        self.words.append(f"a{order},{gfp.bits},{'-' if frame is None else frame}")
        return frame

    def split_page(self, frame: int, order: int) -> None:
        """Tell the split."""
        self.words.append(f"s{frame},{order}")

    def store(self, slot: int, frame: int, pages: int = 1) -> None:
        """Store: what is in the slots is told at the end."""
        self.memory.store(slot, frame, pages)

    def clear(self, frame: int, pages: int) -> None:
        """Tell the clear."""
        self.words.append(f"c{frame},{pages}")

    def free_pages(self, frame: int, order: int) -> None:
        """Tell the free."""
        self.words.append(f"f{frame},{order}")


def _frames(memory: PageArray, n: int) -> list[int]:
    """Return the frame in each of ``n`` slots, -1 for NULL."""
    frames: list[int] = []
    for slot, frame, pages in memory.runs:
        frames += [-1] * (min(slot, n) - len(frames))
        frames += range(frame, frame + min(pages, n - slot))
    return frames + [-1] * (n - len(frames))


def spelled(word: str) -> str:
    """Return an event of ``told`` in words; anything else as it is."""
    what = {"a": "attempt", "s": "split", "f": "free", "c": "clear"}.get(word[:1])
    numbers = word[1:].split(",")
    if what is None or not numbers[0].isdigit() or len(numbers) != (3 if what == "attempt" else 2):
        return word
    if what == "attempt":
        order, flags, frame = numbers
        return f"attempt order {order} {gfp_from(int(flags))} {'refused' if frame == '-' else f'frame {frame}'}"
    return f"{what} frame {numbers[0]}, {'pages' if what == 'clear' else 'order'} {numbers[1]}"


def first_difference(model: str, compiled: str) -> tuple[int, str, str]:
    """Return the number of the event from which on two runs differ, and both events."""
    ours, theirs = model.split(" "), compiled.split(" ")
    if not (compiled.startswith("stopped") or model.startswith("undefined")):
        for at, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            if one != other:
                return at, one, other
        at = min(len(ours), len(theirs))
        return at, " ".join(ours[at : at + 1]) or "nothing more", " ".join(theirs[at : at + 1]) or "nothing more"
    return 0, model, compiled
