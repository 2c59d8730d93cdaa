"""A transition system: locations, the paths that leave each, and what holds of the call at every one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from model.events import Event
from model.gfp import NAMES, Gfp
from model.loop import MOST_ORDERS, Call, OrderBits
from proofs.engine import shape as shapes
from proofs.engine.explorer import Witness
from proofs.engine.literals import FALSE, Literal, substitute
from proofs.engine.shape import Data
from proofs.engine.symbols import Bool, boolean, variable
from spec.monitor import Matter

INT_MIN, INT_MAX = -(2**31), 2**31 - 1  # int, 32 bits on every Linux

CONSTANTS: tuple[type, ...] = (Matter, Call, Gfp, OrderBits)


@dataclass(frozen=True)
class Location:
    """What is known between two turns: the loop's control, the memory's, the monitor's, and the call's class."""

    loop: Any
    view: Any
    monitor: Any = None
    branch: int = 0  # which path of the monitor's start this run took: a class of calls

    @cached_property
    def hash(self) -> int:
        """Return the hash, kept: a location is looked up by the ten thousand."""
        return hash((self.loop, self.view, self.monitor, self.branch))

    def __hash__(self) -> int:
        return self.hash

    def __str__(self) -> str:
        return self.text

    @cached_property
    def text(self) -> str:
        """Return the location in words: the names of obligations hold them by the hundred."""
        parts = [shapes.describe(part) for part in (self.loop, self.view, self.monitor) if part is not None]
        return " ".join(part for part in parts if part not in ("Unwatched", "None"))


@dataclass(frozen=True)
class Transition:
    """One path: where it starts, what holds on it, and where it ends: a location, an End, a crash or a broken claim."""

    source: Location | None  # None: the call begins
    literals: tuple[Literal, ...]
    target: Location | None  # None: the run is over, one way or another
    post: Data = field(hash=False, default_factory=dict)
    events: tuple[Event, ...] = ()
    wrong: str = ""  # why the run may not go this way: the crash, or the claim that it breaks
    crash: str = ""  # the claim that a crash belongs to
    excluded: str = ""  # the assumption that rules the path out
    assumed: tuple[tuple[int, str], ...] = ()
    guessed: bool = False  # only the over-approximation of memory offers it
    base: int = -1  # for a monitor's transition: the loop's transition below it
    witnesses: Sequence[Witness] = field(default=(), compare=False)  # real turns that go this way
    needed: dict[Literal, Literal | None] = field(default_factory=dict, init=False, compare=False, repr=False)

    def before(self, literal: Literal) -> Literal | None:
        """Return what must hold before the path for ``literal`` to hold after it; None where nothing need."""
        if literal not in self.needed:
            found = substitute(literal, self.post)
            self.needed[literal] = found if isinstance(found, Literal) else None if found else FALSE
        return self.needed[literal]


@dataclass
class System:
    """Locations and their transitions, with what holds of the call (``given``) at every one of them."""

    given: tuple[Literal, ...]
    transitions: list[Transition] = field(default_factory=list)
    given_at: dict[int, tuple[Literal, ...]] = field(default_factory=dict)  # by branch
    promoted: frozenset[str] = frozenset()
    supposed: dict[Location, tuple[Literal, ...]] = field(default_factory=dict)  # what the paths were read under

    def by_source(self) -> dict[Location | None, list[tuple[int, Transition]]]:
        """Return the transitions, numbered, by the place where they begin."""
        found: dict[Location | None, list[tuple[int, Transition]]] = {}
        for at, transition in enumerate(self.transitions):
            found.setdefault(transition.source, []).append((at, transition))
        return found

    def leaving(self, location: Location | None) -> list[Transition]:
        """Return the transitions that start at ``location``."""
        return [t for t in self.transitions if t.source == location]

    def locations(self) -> list[Location]:
        """Return every location in the order found."""
        return list(dict.fromkeys(t.target for t in self.transitions if t.target is not None))


def symbolic_call(single_pages: bool, lowest_order: int | None = None) -> Call:
    """Return a call for any number of pages with any flags, and any mask of orders whose lowest is that one."""
    flags: dict[str, Any] = {name: boolean(f"gfp.{name}") for name in NAMES}
    n: Any = variable("n")
    other: Any = variable("gfp.other")
    mask = None
    if lowest_order is not None:
        mask = OrderBits(tuple(boolean(f"mask.{order}") for order in range(MOST_ORDERS)), lowest_order)
    return Call(n=n, gfp=Gfp(**flags, other=other), single_pages=single_pages, order_mask=mask)


def literals_of(*truths: Any) -> tuple[Literal, ...]:
    """Return the literals of conditions that are symbolic; one that is plainly true says nothing."""
    return tuple(truth.literal for truth in truths if isinstance(truth, Bool))


def domain(call: Call, watches: str, int_only: bool, most_n: int | None = None) -> tuple[Literal, ...]:
    """Return what holds of every call: the range of n, and of the thing watched."""
    watch: Any = variable("watch")
    known = [call.n >= 0]
    if int_only:
        known.append(call.n <= INT_MAX)
    if most_n is not None:
        known.append(call.n <= most_n)
    if watches == "slot":
        known += [watch >= 0, watch < call.n]
    if watches in ("order", "null"):
        known += [watch >= 0]
    return literals_of(*known)
