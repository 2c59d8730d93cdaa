"""specification-complete: the ten claims on requests leave exactly one run, the patched loop's.

Assumed:   Another strategy, of which only its attempts are seen, keeps the claims. It gets the patched loop's answers.

One turn:  In lockstep: where the patched loop asks, the other asks for any order with any flags, or ends either way;
           whatever breaks one of the claims is ruled out.

Claimed:   What is left is what the patched loop did. By induction over attempts, the runs are the same.

Not empty: The patched loop keeps every one of the claims, so that there is such a run; ``terminates`` says it ends. The
           set is minimal: tests/test_specification.py shows, for each claim, a run that only its loss admits.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any, Self

from model.events import Attempt, End, Event
from model.gfp import NAMES, Gfp
from proofs.engine.symbols import boolean, exploring, negation, variable
from spec import pages, requests
from spec.monitor import Broken, Matter, Monitor, require
from spec.targets import TARGETS, Target

DETERMINING: dict[str, type[Monitor]] = {
    "orders-from-array": requests.OrdersFromArray,
    "never-asks-too-much": requests.NeverAsksTooMuch,
    "big-blocks-first": requests.BigBlocksFirst,
    "refused-order-not-asked-again": requests.RefusedOrderNotAskedAgain,
    "page-total": pages.PageTotal,
    "gives-up-only-at-order-0": requests.GivesUpOnlyAtOrder0,
    "stops-at-first-refused-page": requests.StopsAtFirstRefusedPage,
    "fallback-may-retry": requests.FallbackMayRetry,
    "high-orders-never-retry": requests.HighOrdersNeverRetry,
    "flags-pass-through": requests.FlagsPassThrough,
}
ON_FLAGS = ("fallback-may-retry", "high-orders-never-retry", "flags-pass-through")


def determining(single_pages: bool) -> dict[str, type[Monitor]]:
    """Return the claims that determine the run: with the attribute single-pages stands for big-blocks-first."""
    if not single_pages:
        return DETERMINING
    chosen = {name: monitor for name, monitor in DETERMINING.items() if name != "big-blocks-first"}
    return chosen | {"single-pages": requests.SinglePages}


def watched(matter: Matter, names: dict[str, type[Monitor]]) -> tuple[Monitor, ...]:
    """Return the claims' monitors before the first event; one that watches an order, once for each of the array."""
    monitors = []
    for monitor in names.values():
        for watch in matter.orders if monitor.watches == "order" else (0,):
            monitors.append(monitor.start(replace(matter, watch=watch)))
    return tuple(monitors)


def keeps(monitors: tuple[Monitor, ...], event: Event) -> tuple[Monitor, ...] | None:
    """Return the monitors after ``event``, or None when it breaks one of the claims."""
    try:
        return tuple(monitor.step(event) for monitor in monitors)
    except Broken:
        return None


@dataclass(frozen=True)
class OnlyMove(Monitor):
    """The other strategy's claims, watching what both did so far, and the question what it can do next."""

    claims: tuple[Monitor, ...] = ()  # on orders, answers and ends
    flags: tuple[Monitor, ...] = ()  # on flags: they look at nothing else but the order

    @classmethod
    def start(cls, matter: Matter) -> Self:
        """Return the claims before the first event."""
        names = determining(matter.call.single_pages)
        on_flags = {name: monitor for name, monitor in names.items() if name in ON_FLAGS}
        others = {name: monitor for name, monitor in names.items() if name not in ON_FLAGS}
        return cls(matter, watched(matter, others), watched(matter, on_flags))

    def step(self, event: Event) -> Self:
        """Let the other strategy do anything that keeps its claims: it must be ``event``.

        First whether it ends or which order it asks for, with the claims that do not look at flags; then, that
        being the same, the flags.
        """
        if not isinstance(event, Attempt | End):
            return self
        if exploring():
            other = any_move(event)
            if keeps(self.claims, other) is not None:
                require(same_request(other, event), "another strategy keeps the claims and asks for something else")
            if isinstance(event, Attempt):
                flagged = replace(event, gfp=any_flags_beside(event.gfp))
                if keeps(self.flags, flagged) is not None:
                    require(same_flags(flagged.gfp, event.gfp), "another strategy keeps the claims with other flags")
        claims, flags = keeps(self.claims, event), keeps(self.flags, event)
        require(claims is not None and flags is not None, "the patched loop itself breaks one of the claims")
        return self.but(claims=claims, flags=flags)


def any_move(event: Attempt | End) -> Attempt | End:
    """Return a move of which nothing is known but that an attempt gets the answer that the patched loop's got."""
    if boolean("other.ends"):
        return End(ok=bool(boolean("other.ok")))
    order: Any = variable("other.order")
    frame: Any = variable("other.frame")
    granted = event.granted if isinstance(event, Attempt) else boolean("other.granted")
    return Attempt(order, Gfp(), frame if granted else None)


def any_flags_beside(gfp: Gfp) -> Gfp:
    """Return any flags at all: those of ``gfp``, or the first that differs opposite and the rest unknown."""
    flags: dict[str, Any] = {name: boolean(f"other.{name}") for name in NAMES} | {"other": variable("other.other")}
    for name in NAMES:
        mine = getattr(gfp, name)
        if boolean(f"other.{name}.differs"):
            flags[name] = negation(mine)
            break
        flags[name] = mine
    return Gfp(**flags)


def same_request(one: Attempt | End, other: Attempt | End) -> bool:
    """Return whether two moves end alike, or ask for the same order."""
    if isinstance(one, End) or isinstance(other, End):
        return isinstance(one, End) and isinstance(other, End) and one.ok == other.ok
    return one.order == other.order


def same_flags(one: Gfp, other: Gfp) -> bool:
    """Return whether two sets of flags are the same."""
    return all(getattr(one, name) == getattr(other, name) for name in (*NAMES, "other"))


def prove(target: Target) -> Any:
    """Return the answer for one target: the engine's product of the patched loop with ``OnlyMove``."""
    from proofs.engine.prove import Prover
    from spec.claims import OURS, Claim, Part

    claim = Claim("specification-complete", "the ten claims admit no other run", OURS, (Part(OnlyMove),))
    return Prover(target).prove_claim(claim)


FOLLOWS = (
    "orders-never-increase",
    "attempts-bounded",
    "orders-deliverable",
    "cost-after",
)  # they look at attempts only
APART = ("every-page-stored-once", "chunk-index-aligned", "rollback-exact", "cleared-once", "array-index-in-bounds")


def main() -> None:
    """Prove it with and without the attribute; exit with 0 if both are PROVED."""
    from proofs.engine.theorem import PROVED, line

    print("specification-complete: the ten claims on requests admit exactly one run, the patched loop's")
    good = True
    for name in ("patched", "single-pages"):
        answer = prove(TARGETS[name])
        good &= answer.word is PROVED
        print(f"  {name:<12}  {line(answer)}")
    print(f"  follow from it: {', '.join(FOLLOWS)}")
    print(f"  do not, they are about slots and frames: {', '.join(APART)}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
