"""Loops that crash, for more than one test."""

from __future__ import annotations

from dataclasses import replace

from model.events import End
from model.kernel import Crash, Kernel
from model.loop import Call, Loop, Unwinding
from model.patched import Filling, Patched
from spec.targets import TARGETS, Target


def with_turn(name: str, loop: Loop) -> Target:
    """Return the patched loop's target with another loop."""
    return replace(TARGETS["patched"], name=name, loop=loop)


class CrashesAtOnce(Patched):
    """Crashes under a claim's name when seventeen pages are left."""

    def turn(self, call: Call, state: Filling, kernel: Kernel) -> Filling | Unwinding | End:
        """Take a pass, except at seventeen pages."""
        if state.count == 17:
            raise Crash("page-total", "seventeen")
        return super().turn(call, state, kernel)


class CrashesBack(Patched):
    """Crashes in its rollback."""

    def unwind(self, call: Call, state: Unwinding, kernel: Kernel) -> Unwinding | End:
        """Take a step back, except from the third slot."""
        if state.i == 3:
            raise Crash("page-total", "three")
        return super().unwind(call, state, kernel)
