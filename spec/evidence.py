"""What a trace must show before it can break a claim, and what more before the claim counts as held by it.

A trace shows requests, answers and a few calls; it shows no turn, no look into the order array, no store. A claim that
nothing put to the test is not held: it was not observable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from model.events import Attempt
from spec.monitor import Matter


class Shown(Enum):
    """A kind of evidence, in the words that say it is missing."""

    WHOLE = "needs the call from its begin to its end, with nothing lost"
    EVERY_ATTEMPT = "needs a probe on __alloc_pages: refusals above the allocator's largest order leave no other event"
    ARRAY_ATTEMPTS = "needs the refusals of every order of the array"
    SIZE = "needs the size of the buffer"
    CALLER_GFP = "needs the caller's flags (a probe on the caller, with gfp)"
    OTHERS_TOLD_APART = "needs return addresses: the requests were told by these very flags"
    ATTRS = "needs the caller's attributes"
    ARRAY = "needs the orders that this IOMMU maps (--orders)"
    MAX_ORDER = "needs the allocator's largest order (a buddyinfo line in the header, or --max-order)"
    END = "needs how the loop ended (a probe on the return of its caller)"
    READ_BACK = "needs the frames of the buffer, read back"
    CLEARS = "needs a probe on __dma_clear_buffer"
    FREES = "needs kmem:mm_page_free"
    TURNS = "passes of the loop leave no event"
    LOOKS = "looks into the order array leave no event"


class Test(Enum):
    """What must have happened for a claim to be put to the test, in the words that say it did not."""

    ANY = "no attempt was made"
    TWO = "only one attempt was made"
    PAGE = "no single page was asked for"
    BLOCK = "no block above order 0 was asked for"
    BLOCK_GRANTED = "no block above order 0 was granted"
    BLOCK_REFUSED = "no block above order 0 was refused"
    PAGE_REFUSED = "no single page was refused"
    SMALLER = "nothing smaller than the largest order was asked for"
    AS_SUPPOSED = "not every block above order 0 was refused, or a single page was"


@dataclass(frozen=True)
class Needs:
    """The evidence that one monitor needs, by its class name below."""

    to_break: frozenset[Shown]
    to_hold: frozenset[Shown]
    test: Test


def _needs(to_break: Sequence[Shown], more_to_hold: Sequence[Shown], test: Test) -> Needs:
    return Needs(frozenset(to_break), frozenset([*to_break, *more_to_hold]), test)


S = Shown
NEEDS: dict[str, Needs] = {
    "PassesBounded": _needs([S.TURNS], [], Test.ANY),
    "OrdersFromArray": _needs([S.ARRAY], [S.WHOLE, S.EVERY_ATTEMPT], Test.ANY),
    "PageTotal": _needs([S.SIZE, S.WHOLE, S.END], [], Test.ANY),
    "FallbackMayRetry": _needs([S.CALLER_GFP], [S.WHOLE], Test.PAGE),
    "HighOrdersNeverRetry": _needs([], [S.WHOLE, S.EVERY_ATTEMPT], Test.BLOCK),
    "EveryPageStoredOnce": _needs([S.SIZE, S.WHOLE, S.END, S.READ_BACK], [], Test.ANY),
    "NeverAsksTooMuch": _needs([S.SIZE, S.WHOLE], [S.EVERY_ATTEMPT], Test.ANY),
    "GivesUpOnlyAtOrder0": _needs([S.WHOLE, S.END], [], Test.ANY),
    "StopsAtFirstRefusedPage": _needs([S.WHOLE], [S.EVERY_ATTEMPT, S.END], Test.PAGE_REFUSED),
    "OrdersNeverIncrease": _needs([S.WHOLE], [S.EVERY_ATTEMPT], Test.TWO),
    "RefusedOrderNotAskedAgain": _needs([S.WHOLE], [S.EVERY_ATTEMPT], Test.BLOCK_REFUSED),
    "BigBlocksFirst": _needs([S.ARRAY, S.SIZE, S.WHOLE, S.ARRAY_ATTEMPTS], [], Test.SMALLER),
    "AttemptsBounded": _needs([S.ARRAY, S.SIZE, S.WHOLE], [S.EVERY_ATTEMPT], Test.ANY),
    "OrdersDeliverable": _needs([S.MAX_ORDER], [S.WHOLE, S.EVERY_ATTEMPT], Test.ANY),
    "ChunkIndexAligned": _needs([S.WHOLE, S.READ_BACK], [], Test.BLOCK_GRANTED),
    "RollbackExact": _needs([S.WHOLE, S.END, S.FREES], [], Test.ANY),
    "NothingFreedOnSuccess": _needs([S.WHOLE, S.END, S.FREES], [], Test.ANY),
    "ArrayIndexInBounds": _needs([S.LOOKS], [], Test.ANY),
    "FlagsPassThrough": _needs([S.CALLER_GFP, S.OTHERS_TOLD_APART], [S.WHOLE, S.EVERY_ATTEMPT], Test.ANY),
    "ClearedOnce": _needs([S.WHOLE, S.END, S.CLEARS], [], Test.ANY),
    "SinglePages": _needs([S.ATTRS], [S.WHOLE, S.SIZE, S.END, S.EVERY_ATTEMPT], Test.ANY),
    "CostAfter": _needs([S.ARRAY, S.SIZE, S.WHOLE, S.END, S.ARRAY_ATTEMPTS], [S.EVERY_ATTEMPT], Test.AS_SUPPOSED),
    "CostBefore": _needs([S.SIZE, S.WHOLE, S.END, S.EVERY_ATTEMPT], [], Test.AS_SUPPOSED),
}


def tests_met(attempts: Sequence[Attempt], matter: Matter) -> frozenset[Test]:
    """Return what the attempts of one call put to the test."""
    seen = {(attempt.order, attempt.granted) for attempt in attempts}
    met = {
        Test.ANY: bool(attempts),
        Test.TWO: len(attempts) > 1,
        Test.PAGE: any(order == 0 for order, _ in seen),
        Test.BLOCK: any(order > 0 for order, _ in seen),
        Test.BLOCK_GRANTED: any(order > 0 and granted for order, granted in seen),
        Test.BLOCK_REFUSED: any(order > 0 and not granted for order, granted in seen),
        Test.PAGE_REFUSED: (0, False) in seen,
        Test.SMALLER: any(order < max(matter.orders) for order, _ in seen),
        Test.AS_SUPPOSED: bool(seen) and all(granted == (order == 0) for order, granted in seen),
    }
    return frozenset(test for test, is_met in met.items() if is_met)
