"""The claims, in the order of their importance; the first four are the heart of the matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spec import costs, pages, requests
from spec.monitor import Monitor
from spec.targets import Target

SCOPE = (
    "one call without DMA_ATTR_FORCE_CONTIGUOUS whose page array was allocated; "
    "the caller's gfp without __GFP_COMP and zone bits (the callers clear them)"
)
RETURNS = "alloc_pages() returns"
NO_PAGE_TWICE = "the allocator hands out no page that is still held"
COMMIT, COMMENT, OURS = "commit message", "code comment", "ours"


def always(target: Target) -> str:
    """Return why the claim does not apply to ``target``: it always does."""
    return ""


def _with_array(target: Target) -> str:
    return "" if target.reads_order_array else "scope: loops that look into an order array"


def _single_pages_only(target: Target) -> str:
    return "" if target.single_pages else "scope: calls with DMA_ATTR_ALLOC_SINGLE_PAGES"


def _not_single_pages(target: Target) -> str:
    return "scope: calls without DMA_ATTR_ALLOC_SINGLE_PAGES" if target.single_pages else ""


def _before_the_patch(target: Target) -> str:
    return "scope: the loop of Linux 4.1 to 4.5" if target.steps_down_for_good else ""


def _after_the_patch(target: Target) -> str:
    stepping = "" if target.steps_down_for_good else "scope: loops that step down for good"
    return stepping or _not_single_pages(target)


@dataclass(frozen=True)
class Part:
    """One half of a claim that says two things: a monitor and where it applies."""

    monitor: type[Monitor]
    label: str = ""
    not_applicable: Callable[[Target], str] = always


@dataclass(frozen=True)
class Claim:
    """A sentence that is true of a loop or not, by a stable name."""

    name: str
    sentence: str
    source: str
    parts: tuple[Part, ...] = ()  # none: the engine itself decides (terminates)
    assumes: tuple[str, ...] = ()
    not_applicable: Callable[[Target], str] = always
    lemma: str = ""  # what its proof shows besides the monitor; the proof's file holds it

    @property
    def module(self) -> str:
        """Return the name of the proof's module."""
        return "proofs." + self.name.replace("-", "_")


def _claim(
    name: str,
    sentence: str,
    source: str,
    *monitors: type[Monitor],
    assumes: tuple[str, ...] = (),
    not_applicable: Callable[[Target], str] = always,
) -> Claim:
    return Claim(name, sentence, source, tuple(Part(m) for m in monitors), assumes, not_applicable)


CLAIMS: dict[str, Claim] = {
    claim.name: claim
    for claim in (
        _claim(
            "terminates",
            "the loop ends: patched after at most n + 3 passes of while (count), pre-patch after at most n; "
            "the rollback takes at most n steps more",
            OURS,
            assumes=(RETURNS,),
        ),
        _claim("orders-from-array", "every attempt's order is one of 9, 8, 4, 0", COMMIT, requests.OrdersFromArray),
        _claim("page-total", "on success the granted blocks add up to exactly n pages", OURS, pages.PageTotal),
        _claim(
            "fallback-may-retry",
            "an order-0 attempt carries __GFP_NORETRY if and only if the caller passed it",
            COMMENT,
            requests.FallbackMayRetry,
        ),
        _claim(
            "high-orders-never-retry",
            "every attempt above order 0 carries __GFP_NORETRY",
            COMMENT,
            requests.HighOrdersNeverRetry,
        ),
        _claim(
            "every-page-stored-once",
            "on success each slot 0..n-1 is stored exactly once, slot s+j of a chunk that starts at slot s with frame "
            "f+j of the block f granted to it; nothing is stored outside",
            OURS,
            pages.EveryPageStoredOnce,
        ),
        _claim(
            "never-asks-too-much",
            "no attempt is for more pages than are still wanted",
            COMMENT,
            requests.NeverAsksTooMuch,
        ),
        _claim(
            "gives-up-only-at-order-0",
            "it fails if and only if an order-0 attempt was refused",
            OURS,
            requests.GivesUpOnlyAtOrder0,
        ),
        _claim(
            "stops-at-first-refused-page",
            "after an order-0 attempt is refused nothing more is asked for: the run ends in failure",
            OURS,
            requests.StopsAtFirstRefusedPage,
        ),
        _claim(
            "orders-never-increase",
            "no attempt has a larger order than an earlier one",
            COMMIT,
            requests.OrdersNeverIncrease,
        ),
        _claim(
            "refused-order-not-asked-again",
            "above order 0, an order that was refused is never asked for again",
            COMMIT,
            requests.RefusedOrderNotAskedAgain,
        ),
        _claim(
            "big-blocks-first",
            "a smaller order is asked for only when every larger order of the array no longer fits in what is wanted "
            "or has been refused",
            COMMIT,
            requests.BigBlocksFirst,
            not_applicable=_not_single_pages,
        ),
        Claim(
            "attempts-bounded",
            "attempts <= n + (number of orders o > 0 in the array with 2^o <= n), and for every n some answers attain "
            "it: tight",
            OURS,
            (Part(costs.AttemptsBounded, "bound"), Part(costs.CostAfter, "attained", _after_the_patch)),
        ),
        _claim(
            "orders-deliverable",
            "no attempt is above the largest order that the allocator can deliver (10 by default)",
            OURS,
            requests.OrdersDeliverable,
        ),
        _claim(
            "chunk-index-aligned",
            "the first slot of every chunk is a multiple of the chunk's page count",
            OURS,
            pages.ChunkIndexAligned,
        ),
        _claim(
            "rollback-exact",
            "on failure every page obtained is freed exactly once, as a single page, and nothing else is; on success "
            "nothing is freed",
            OURS,
            pages.RollbackExact,
            pages.NothingFreedOnSuccess,
            assumes=(NO_PAGE_TWICE,),
        ),
        _claim(
            "array-index-in-bounds",
            "the order array is never read outside its entries",
            COMMENT,
            requests.ArrayIndexInBounds,
            not_applicable=_with_array,
        ),
        _claim(
            "flags-pass-through",
            "apart from NORETRY, every attempt carries exactly the caller's flags plus NOWARN and HIGHMEM",
            OURS,
            requests.FlagsPassThrough,
        ),
        _claim(
            "cleared-once",
            "on success every page was cleared exactly once",
            OURS,
            pages.ClearedOnce,
            assumes=(NO_PAGE_TWICE,),
        ),
        _claim(
            "single-pages",
            "with DMA_ATTR_ALLOC_SINGLE_PAGES every attempt, in success and in failure, is of order 0; exactly n of "
            "them on success",
            COMMENT,
            requests.SinglePages,
            not_applicable=_single_pages_only,
        ),
        Claim(
            "cost-before",
            "when every order above 0 is refused and every single page granted, the loop before the patch makes "
            "exactly (n+1)b - 2^b + 1 attempts, b the bit length of n (9228 at 1024)",
            COMMIT,
            (Part(costs.CostBefore),),
            not_applicable=_before_the_patch,
            lemma="the sum of bit_length(k) over k = 1..n is (n+1)b - 2^b + 1",
        ),
        _claim(
            "cost-after",
            "when every order above 0 is refused and every single page granted, the patched loop makes exactly "
            "n + [n >= 16] + [n >= 256] + [n >= 512] attempts (1027 at 1024)",
            OURS,
            costs.CostAfter,
            not_applicable=_after_the_patch,
        ),
    )
}
