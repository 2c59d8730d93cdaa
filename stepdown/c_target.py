"""A function of a C file as a target: ``FILE.c[:function]``. The file is read; nothing of it is run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from model.c.function import CFunction
from model.c.shape import families
from model.c.siblings import LOWEST, around, profile_of
from model.c.source import Source, Unreadable
from model.c.table import NEVER
from model.c.types import DataModel
from model.environments import Scripted, grant, granted_orders, refuse_above_0
from model.kernel import Crash, Kernel, PageArray, Unsupported
from model.loop import MOST_ORDERS, Call, Loop, run
from spec.monitor import MAX_PAGE_ORDER
from spec.targets import Target, before_first_0
from stepdown.kernel_tree import orders_of, root_of
from stepdown.verify import Usage, nearest

MOST_EVENTS = 300  # of a run that shows how a function is to be read: a hundred turns do
MOST_CONFIGS = 4  # options tried both ways: 16 readings
C_FILE = re.compile(r"(?P<path>.+\.[ch])(?::(?P<name>\w+))?")


class Unread(Loop):
    """A function that cannot be read: whoever starts it is told why."""

    def __init__(self, trouble: Unsupported) -> None:
        self.trouble = trouble

    def start(self, call: Call) -> NoReturn:
        """Say what cannot be read."""
        raise self.trouble


def is_c(text: str) -> bool:
    """Return whether ``text`` names a C file."""
    return C_FILE.fullmatch(text) is not None


def read_target(
    text: str, data_model: str | None = "ilp32", single_pages: bool = False, settings: Iterable[str] = ()
) -> Target:
    """Return the function that ``text`` names; read with the types of each model that its path asks for, where none is
    chosen. Raises Usage."""
    found = C_FILE.fullmatch(text)
    assert found is not None
    constants, configs = chosen_settings(settings)
    path = Path(found["path"])
    try:
        source = Source.read(path)
        name = found["name"] or only_family(source)
        if name not in source.functions:
            raise Usage(f"{source.name}: no function is called {name}; {nearest(name, source.functions)}")
    except Unreadable as trouble:
        raise Usage(str(trouble)) from None
    known = {LOWEST, *source.words, *around().words} if constants or configs else set()
    for setting in (*constants, *configs):
        if setting not in known:
            close = [f"; did you mean {near}?" for near in get_close_matches(setting, sorted(known), 1)]
            raise Usage(f"--set {setting}: {source.name} has no such word{''.join(close)}")
    models = (data_model,) if data_model is not None else models_of(path)
    each = {model: target_in_tree(path, source, name, model, single_pages, configs, constants) for model in models}
    return joined(each)


def models_of(path: Path) -> tuple[str, ...]:
    """Return the data models that a file is built for: arch/arm has ints, longs and pointers of 32 bits."""
    return ("ilp32",) if "/arch/arm/" in path.resolve().as_posix() else ("ilp32", "lp64")


def joined(by_model: Mapping[str, Target]) -> Target:
    """Return one function, read with the types of several models, as one target: a claim must hold with each."""
    targets = list(by_model.values())
    if len(targets) == 1:
        return targets[0]
    readings = tuple(reading for target in targets for reading in target.readings or (target,))
    notes = tuple(dict.fromkeys(note for target in targets for note in target.notes))
    ways = f", in {len(readings)} ways" if len(readings) > len(targets) else ""
    return replace(targets[0], sentence=f"read from C, {' and '.join(by_model)}{ways}", readings=readings, notes=notes)


def target_in_tree(
    path: Path, source: Source, name: str, data_model: str, single_pages: bool = False,
    configs: Mapping[str, bool] | None = None, constants: Mapping[str, int] | None = None,
) -> Target:  # fmt: skip
    """Return ``name`` of the file at ``path`` as a target, with the constants of the tree that the file lies in."""
    root = root_of(path)
    orders, meaning = orders_of(root) if root is not None else ({}, "")
    target = target_of(source, name, data_model, single_pages, configs, orders | dict(constants or {}))
    used = [constant for constant in orders if constant in used_constants(target) and constant not in (constants or {})]
    return replace(target, notes=(*target.notes, f"read from the tree: {meaning}")) if used else target


def used_constants(target: Target) -> set[str]:
    """Return the constants that the function of a target names and that were given."""
    return target.loop.reader.used_constants if isinstance(target.loop, CFunction) else set()


def target_of(
    source: Source, name: str, data_model: str, single_pages: bool = False, configs: Mapping[str, bool] | None = None,
    constants: Mapping[str, int] | None = None,
) -> Target:  # fmt: skip
    """Return ``name`` of ``source`` as a target; one that cannot be read answers UNSUPPORTED to everything.

    A CONFIG_ option that the function tests and ``configs`` does not name is tried both ways: its ``readings``.
    """
    given, profile = dict(constants or {}), profile_of(name)
    found = [
        reading
        for values in profile.settings(given)
        for reading in _readings(source, name, data_model, single_pages, dict(configs or {}), given | values)
    ]
    if profile.only_order:
        found = [_of_one_order(reading, profile.only_order) for reading in found]
    if len(found) == 1:
        return found[0]
    sentence = f"read from C, {data_model}, in {len(found)} ways"
    functions = [reading.loop for reading in found if isinstance(reading.loop, CFunction)]
    return replace(found[0], sentence=sentence, readings=tuple(found), notes=notes(functions))


def _of_one_order(target: Target, parameter: str) -> Target:
    """Return a target all of whose blocks are of the order that ``parameter`` was read with."""
    if not isinstance(target.loop, CFunction):
        return target
    order = next(bound.value for bound in target.loop.bounds if bound.name == parameter)
    return replace(target, orders=(order,))


def _readings(
    source: Source, name: str, data_model: str, single_pages: bool, configs: dict[str, bool],
    constants: Mapping[str, int],
) -> list[Target]:  # fmt: skip
    target = _one_target(source, name, data_model, single_pages, configs, constants)
    asked = target.loop.reader.asked_configs if isinstance(target.loop, CFunction) else set[str]()
    untold = sorted(asked - set(configs))
    if not untold:
        return [target]
    if len(configs) >= MOST_CONFIGS:
        trouble = Unsupported(target.where, f"more than {MOST_CONFIGS} CONFIG_ options: --set {untold[0]}=y or =n")
        return [replace(target, loop=Unread(trouble))]
    both = ({**configs, untold[0]: value} for value in (False, True))
    return [
        reading for chosen in both for reading in _readings(source, name, data_model, single_pages, chosen, constants)
    ]


def _one_target(
    source: Source, name: str, data_model: str, single_pages: bool, configs: Mapping[str, bool],
    constants: Mapping[str, int],
) -> Target:  # fmt: skip
    title = f"{source.name}:{name}"
    sentence = f"read from C, {data_model}" + (", with DMA_ATTR_ALLOC_SINGLE_PAGES" if single_pages else "")
    try:
        function = read_function(source, name, data_model, configs, constants)
    except Unsupported as trouble:
        return Target(title, Unread(trouble), sentence, single_pages, most_n=0)
    if function.lowest_order is not None:
        sentence += f", every mask of orders whose lowest is {function.lowest_order}"
    sentence += f", {chosen}" if (chosen := settings_of(function)) else ""
    return Target(
        title, function, sentence, single_pages, reads_order_array=bool(function.reader.arrays), most_n=function.most_n,
        where=f"{source.name}:{function.line}", notes=notes([function]),
        **(_of_an_array(function) | _of_a_mask(function)),
    )  # fmt: skip


def _of_an_array(function: CFunction) -> dict[str, Any]:
    """Return what a target is besides, that reads one array: a pass may be spent on each entry before the first 0."""
    arrays = list(function.reader.arrays.values())
    if len(arrays) != 1:
        return {}
    return {"spare_passes": len(before_first_0(arrays[0]))}


def _of_a_mask(function: CFunction) -> dict[str, Any]:
    """Return what a target is besides, whose caller passes a mask of orders: of any mask, an attempt is a pass."""
    lowest, mask, own = function.lowest_order, profile_of(function.name).order_mask, profile_of(function.name).orders
    if own:
        return {"orders": own, "spare_passes": 0}
    if lowest is not None:
        return {"orders": tuple(reversed(range(lowest, MAX_PAGE_ORDER + 1))), "spare_passes": MOST_ORDERS}
    bits = next((bound.value for bound in function.bounds if bound.name == mask and bound.role == "fixed"), 0)
    orders = tuple(order for order in reversed(range(bits.bit_length())) if bits >> order & 1)
    return {"orders": orders, "spare_passes": len(orders) - 1} if orders else {}


def read_function(
    source: Source, name: str, data_model: str, configs: Mapping[str, bool], constants: Mapping[str, int]
) -> CFunction:
    """Return the function, its history followed where one of its passes reads a slot that it did not write.
    Raises Unsupported."""
    model = DataModel(data_model)
    function = CFunction(source, name, model, configs, constants)
    for n in (1, 2, 17, 530):
        for policy in (grant, refuse_above_0, granted_orders(0, 4)):
            try:
                kernel = Kernel(Scripted((), policy), PageArray())
                list(islice(run(function, Call(n), kernel), MOST_EVENTS))
            except (Crash, Unsupported):
                continue
    if function.missed:
        return CFunction(source, name, model, configs, constants, history=True)
    return function


def notes(functions: Sequence[CFunction]) -> tuple[str, ...]:
    """Return what was made of a function, in all its readings: parameters, settings, what came from the kernel's
    table."""
    if not functions:
        return ()
    bounds: dict[str, dict[str, None]] = {}
    for function in functions:
        for bound in function.bounds:
            bounds.setdefault(bound.name, {})[str(bound).partition(" = ")[2]] = None
    found = [f"read with {', '.join(f'{name} = {_each(values)}' for name, values in bounds.items())}"]
    configs = {
        name: {"ny"[function.reader.configs.get(name, False)]: None for function in functions}
        for name in sorted({name for function in functions for name in function.reader.asked_configs})
    }
    if configs:
        found.append(f"read with {', '.join(f'{name}={_each(values)}' for name, values in configs.items())}")
    used = {name for function in functions for name in function.reader.used}
    if used:
        found.append(f"known of the kernel: {', '.join(sorted(used))}")
    if retold := {name for function in functions for name in function.reader.retold}:
        found.append(f"retold in {around().name}: {', '.join(sorted(retold))}")
    if assumed := used & set(NEVER):
        found.append(f"assumed: no signal is pending ({', '.join(sorted(assumed))})")
    return tuple(found)


def _each(values: Iterable[str]) -> str:
    """Return values in words: "0 to 10" where they are many in a row."""
    each = list(values)
    if len(each) > 2 and each == [str(n) for n in range(int(each[0]), int(each[0]) + len(each))]:
        return f"{each[0]} to {each[-1]}"
    return " or ".join(each)


def settings_of(function: CFunction) -> str:
    """Return the settings that the function was read with and that others stand beside, "" for none."""
    read_with = profile_of(function.name).read_with
    values = [str(bound) for bound in function.bounds if bound.name in read_with]
    configs = sorted(function.reader.asked_configs)
    return ", ".join(
        [*values, *(f"{name}={'y' if function.reader.configs.get(name) else 'n'}" for name in configs)]
    ).replace(" = ", "=")


def only_family(source: Source) -> str:
    """Return the one function of the file that asks for blocks of a varying order inside a loop. Raises Usage."""
    found = families(source)
    if len(found) != 1:
        what = f"these ask for blocks in a loop: {', '.join(found)}" if found else "none asks for blocks in a loop"
        raise Usage(f"{source.name}: which function? FILE.c:FUNCTION; {what}")
    return found[0]


def chosen_settings(settings: Iterable[str]) -> tuple[dict[str, int], dict[str, bool]]:
    """Return the constants and the CONFIG settings that ``--set`` names. Raises Usage."""
    constants: dict[str, int] = {}
    configs: dict[str, bool] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name.startswith("CONFIG_") and value in ("y", "n"):
            configs[name] = value == "y"
        elif re.fullmatch(r"[A-Za-z_]\w*", name) and re.fullmatch(r"0x[0-9a-fA-F]+|\d+", value):
            constants[name] = int(value, 0)
        else:
            raise Usage(f"--set {setting}: expected CONFIG_NAME=y, CONFIG_NAME=n or NAME=NUMBER")
    return constants, configs
