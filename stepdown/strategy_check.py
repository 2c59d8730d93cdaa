"""Is a user's class a strategy at all? Tried on real runs before anything is proved; what is wrong is one line."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from model.environments import Adversarial
from model.events import End
from model.gfp import Gfp
from model.kernel import Crash, Kernel, PageArray
from model.loop import Call, Loop, take_turn
from proofs.engine.shape import attributes_beside_fields
from stepdown.strategy_file import Bad, Endless, line_in

MOST_TURNS = 12  # of one run
SIZES = (0, 1, 2, 5, 17, 40, 256, 300, 530, 1300, 70_001)
SEEDS = range(6)  # of answers, for each size
PLAIN = (int, float, str, bytes, list, dict, set, tuple, deque, bytearray, type(None))


def check(path: Path, loop: Loop) -> None:
    """Run the loop on some sizes and answers: is each turn pure, does it end, is its result a state? Raises Bad."""
    for n in SIZES:
        for seed in SEEDS:
            _check_run(path, loop, Call(n), Kernel(Adversarial(seed), PageArray()))


def _check_run(path: Path, loop: Loop, call: Call, kernel: Kernel) -> None:
    before = kept(loop)
    state = _judged(path, loop.start, lambda: (loop.start(call), []))[0]
    _check_kept(path, loop, loop.start, before)
    for _ in range(MOST_TURNS):
        if isinstance(state, End):
            return
        here, again, before = state, deepcopy(kernel), kept(loop)
        try:
            result = _judged(path, loop.turn, lambda: take_turn(loop, call, here, kernel))  # noqa: B023 - called at once
        except Crash:
            return  # the proof says so
        _check_kept(path, loop, loop.turn, before)
        if take_turn(loop, call, here, again) != result:
            raise Bad(path, line_of(loop.turn), "the turn is not pure: twice the same state, two results")
        state = result[0]


def _check_kept(path: Path, loop: Loop, method: Callable[..., Any], before: dict[str, Any]) -> None:
    """Raise Bad where ``method`` changed what could outlast it."""
    after = kept(loop)
    for name in {**after, **before}:
        if name not in before or after.get(name) != before[name]:
            what = f"it changes {name}; what must last belongs in the state"
            raise Bad(path, line_of(method), f"the {method.__name__} is not pure: {what}")


def _judged(path: Path, method: Callable[..., Any], code: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
    """Return what ``code``, which calls start or turn, returns. Raises Bad, Crash."""
    name = method.__name__
    try:
        result = code()
    except (Crash, KeyboardInterrupt):
        raise
    except BaseException as error:
        told = f"raises {type(error).__name__}: {error}"
        if isinstance(error, Endless):
            told = f"does not end: {error}"
        elif isinstance(error, RecursionError):
            told = "calls itself without an end"
        raise Bad(path, line_in(error, path) or line_of(method), f"the {name} {told}") from None
    if wrong := wrong_state(result[0]):
        raise Bad(path, line_of(method), f"the {name} returns {wrong}")
    return result


def kept(loop: Loop) -> dict[str, Any]:
    """Return a copy of what could outlast a turn: attributes of the object, of its class, and plain globals."""
    owner = type(loop)
    found = {f"self.{name}": value for name, value in vars(loop).items()}
    found |= {f"{owner.__name__}.{name}": value for name, value in vars(owner).items() if isinstance(value, PLAIN)}
    names = vars(sys.modules[owner.__module__]).items()
    found |= {f"the global {k}": v for k, v in names if isinstance(v, PLAIN) and not k.startswith("__")}
    return {name: deepcopy(value) for name, value in found.items()}


def line_of(method: Callable[..., Any]) -> int:
    """Return the line at which ``method`` is defined."""
    line: int = method.__code__.co_firstlineno
    return line


def wrong_state(state: object) -> str:
    """Return what is wrong with a state, or ""."""
    if isinstance(state, End):
        return ""
    if not is_dataclass(state) or isinstance(state, type):
        return f"{state!r:.60}: a state (a frozen dataclass), Unwinding, DONE or FAILED is expected"
    if not getattr(type(state), "__dataclass_params__").frozen:  # noqa: B009 - no stub knows it
        return f"a {type(state).__name__} that can be changed: write @dataclass(frozen=True)"
    if extra := attributes_beside_fields(state):
        return f"a {type(state).__name__} with an attribute that is no field, {extra}"
    for field in fields(state):
        if not field.init:
            return (
                f"a {type(state).__name__} whose {field.name} cannot be passed: a field without init=False is expected"
            )
        if wrong := wrong_value(getattr(state, field.name)):
            return f"a {type(state).__name__} whose {field.name} is {wrong}: states hold ints, Booleans and None"
    return ""


def wrong_value(value: object) -> str:
    """Return what is wrong with a part of a state, or ""."""
    if value is None or type(value) in (int, bool, Gfp):
        return ""
    if isinstance(value, tuple):
        return next(filter(None, map(wrong_value, value)), "")
    if is_dataclass(value):
        return wrong_state(value)
    return f"{value!r:.40}, a {type(value).__name__}"
