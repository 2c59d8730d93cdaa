"""What the tests judge runs by: every monitor of every claim that applies to a target."""

from __future__ import annotations

from spec.claims import CLAIMS
from spec.costs import passes_bounded
from spec.monitor import Monitor
from spec.targets import Target

# The claims that the issue wants refuted on the loop before the patch, and the smallest n that breaks each.
REFUTED_BEFORE = {
    "orders-from-array": 2,
    "orders-never-increase": 3,
    "chunk-index-aligned": 3,
    "refused-order-not-asked-again": 3,
    "attempts-bounded": 2,
    "orders-deliverable": 2048,
}


def applicable(target: Target) -> list[tuple[str, type[Monitor]]]:
    """Return claim and monitor of every part of every claim that applies to ``target``, refuted ones too."""
    found: list[tuple[str, type[Monitor]]] = [("terminates", passes_bounded(target.spare_passes))]
    for name, claim in CLAIMS.items():
        if name not in dict(target.promises_instead) and not claim.not_applicable(target):
            found += [(name, part.monitor) for part in claim.parts if not part.not_applicable(target)]
    return found


def expected_to_hold(target: Target) -> list[tuple[str, type[Monitor]]]:
    """Return claim and monitor of every part that must hold on ``target``."""
    refuted = REFUTED_BEFORE if target.name == "pre-patch" else {}
    return [(name, monitor) for name, monitor in applicable(target) if name not in refuted]
