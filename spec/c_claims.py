"""Claims about C itself, beside what the loop does: the three kinds of trouble that a function can be in, told apart.

Each is the name of a crash: a run ends there, and is judged by that claim alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from model.events import Event
from model.lockstep import SAME, Lockstep
from spec.claims import CLAIMS, OURS, Claim, Part
from spec.monitor import Monitor, require
from spec.targets import Target


@dataclass(frozen=True)
class NeverCrashes(Monitor):
    """Nothing that an event shows can break it: only the crash that bears the claim's name."""

    def step(self, event: Event) -> Self:
        """State that the run came as far as this event."""
        require(True, "the run came as far as this")
        return self


def _read_from_c(target: Target) -> str:
    return "" if target.most_n is not None else "scope: functions read from C"


def _claim(name: str, sentence: str) -> Claim:
    monitor = type(f"NeverCrashes_{name}", (NeverCrashes,), {})  # one each: an answer is kept by its monitor
    return Claim(name, sentence, OURS, (Part(monitor),), (), _read_from_c)


C_CLAIMS: dict[str, Claim] = {
    claim.name: claim
    for claim in (
        _claim(
            "nothing-undefined",
            "no shift out of range, no index out of bounds, no use of a failed allocation or of freed memory; nothing "
            "uninitialised and no __fls(0) reaches an event, an index or a branch",
        ),
        _claim("nothing-overflows", "no signed result is too large for its type; as the kernel is built it would wrap"),
        _claim(
            "nothing-lost-in-conversion",
            "no value that becomes a size, a count, an order, an index or a branch is changed by a conversion",
        ),
    )
}


def _side_by_side(target: Target) -> str:
    return "" if isinstance(target.loop, Lockstep) else "scope: two loops side by side"


SAME_AS_MODEL = Claim(
    SAME,
    "the two make the same attempts in the same order, fill the same slots with the same frames, clear and free the "
    "same pages, and end alike",
    OURS,
    (Part(type("NeverDiffers", (NeverCrashes,), {})),),
    (),
    _side_by_side,
)
NAMED: dict[str, Claim] = CLAIMS | C_CLAIMS | {SAME: SAME_AS_MODEL}


def claims_of(target: Target) -> dict[str, Claim]:
    """Return the claims that ``target`` is judged by: those on C itself where it is a function read from C alone."""
    return CLAIMS if target.most_n is None else CLAIMS | C_CLAIMS
