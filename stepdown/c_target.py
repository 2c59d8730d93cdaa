"""A function of a C file as a target: ``FILE.c[:function]``. The file is read; nothing of it is run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import NoReturn

from model.c.function import CFunction
from model.c.shape import families
from model.c.source import Source, Unreadable
from model.c.types import DataModel
from model.environments import Scripted, grant, granted_orders, refuse_above_0
from model.kernel import Crash, Kernel, PageArray, Unsupported
from model.loop import Call, Loop, run
from spec.targets import Target
from stepdown.verify import Usage, nearest

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
    text: str, data_model: str = "ilp32", single_pages: bool = False, settings: Iterable[str] = ()
) -> Target:
    """Return the function that ``text`` names. Raises Usage."""
    found = C_FILE.fullmatch(text)
    assert found is not None
    constants, configs = chosen_settings(settings)
    try:
        source = Source.read(Path(found["path"]))
        name = found["name"] or only_family(source)
        if name not in source.functions:
            raise Usage(f"{source.name}: no function is called {name}; {nearest(name, source.functions)}")
    except Unreadable as trouble:
        raise Usage(str(trouble)) from None
    return target_of(source, name, data_model, single_pages, configs, constants)


def target_of(
    source: Source, name: str, data_model: str, single_pages: bool = False, configs: Mapping[str, bool] | None = None,
    constants: Mapping[str, int] | None = None,
) -> Target:  # fmt: skip
    """Return ``name`` of ``source`` as a target; one that cannot be read answers UNSUPPORTED to everything."""
    title = f"{source.name}:{name}"
    sentence = f"read from C, {data_model}" + (", with DMA_ATTR_ALLOC_SINGLE_PAGES" if single_pages else "")
    try:
        function = read_function(source, name, data_model, configs or {}, constants or {})
    except Unsupported as trouble:
        return Target(title, Unread(trouble), sentence, single_pages, most_n=0)
    return Target(
        title, function, sentence, single_pages, reads_order_array=function.reader.looked, most_n=function.most_n,
        where=f"{source.name}:{function.line}", notes=notes(function),
    )  # fmt: skip


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
                list(islice(run(function, Call(n), kernel), 5_000))
            except (Crash, Unsupported):
                continue
    if function.missed:
        return CFunction(source, name, model, configs, constants, history=True)
    return function


def notes(function: CFunction) -> tuple[str, ...]:
    """Return what was made of the function: parameters, settings, what came from the kernel's table."""
    found = [f"read with {', '.join(str(bound) for bound in function.bounds)}"]
    configs = sorted(function.reader.asked_configs)
    if configs:
        found.append("read with " + ", ".join(f"{c}={'y' if function.reader.configs.get(c) else 'n'}" for c in configs))
    if function.reader.used:
        found.append(f"known of the kernel: {', '.join(sorted(function.reader.used))}")
    return tuple(found)


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
