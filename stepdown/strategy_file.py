"""A user's strategy file: read, made to stop where it would never end, and imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from model.loop import Loop

MOST_STEPS = 100_000  # passes of loops and calls of functions in one turn; the loop before the patch takes some dozens
GUARD = "if __steps__.over({resets}): raise __steps__.Endless('100000 passes of loops, and still no end')"


class Bad(Exception):
    """The file holds no strategy; the text is one line and begins with file and line."""

    def __init__(self, path: Path, line: int, what: str) -> None:
        super().__init__(f"{path}:{line or 1}: {' '.join(what.split())}")


class Endless(Exception):
    """A turn goes on and on."""


class Steps:
    """Counts the passes of loops since the newest turn began: numbers of steps, unlike seconds, are the same on every
    machine."""

    Endless = Endless

    def __init__(self) -> None:
        self.taken = 0

    def over(self, resets: bool) -> bool:
        """Count one step, the first of a turn where it ``resets``; return whether there were too many."""
        self.taken = 0 if resets else self.taken + 1
        return self.taken > MOST_STEPS


class Guarded(ast.NodeTransformer):
    """Puts the guard into the body of every loop and function. What never ends within one call of a library, such as
    ``sum(count())``, is not caught."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Return the node, its body guarded where it has one that can be run again and again."""
        super().generic_visit(node)
        if isinstance(node, ast.While | ast.For | ast.FunctionDef):
            resets = isinstance(node, ast.FunctionDef) and node.name in ("start", "turn", "unwind")
            for guard in ast.parse(GUARD.format(resets=resets)).body:
                for part in ast.walk(guard):
                    ast.copy_location(part, node.body[0])
                node.body.insert(0, guard)
        return node


def load(path: Path, name: str) -> Loop:
    """Return the loop of class ``name``, its file imported. Raises Bad, OSError."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
        code = compile(Guarded().visit(tree), str(path), "exec")
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        raise Bad(path, line, f"it does not import: {type(error).__name__}: {error}") from None
    module = ModuleType(f"stepdown_user_{path.stem}")
    module.__dict__.update(__file__=str(path), __steps__=Steps())
    sys.modules[module.__name__] = module  # dataclasses look their module up
    loop = _made(path, name, module, code)
    for line, what in floats_in(tree, name):
        raise Bad(path, line, what)
    return loop


def _made(path: Path, name: str, module: ModuleType, code: object) -> Loop:
    try:
        exec(code, module.__dict__)  # type: ignore[arg-type] # compile() is said to return anything
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Bad(path, line_in(error, path), f"it does not import: {type(error).__name__}: {error}") from None
    loop_class = getattr(module, name, None)
    if loop_class is None:
        loops = [n for n, value in vars(module).items() if isinstance(value, type) and issubclass(value, Loop)]
        near = get_close_matches(name, loops, 1, 0.5) or loops
        raise Bad(path, 1, f"no class is called {name}; its loops: {', '.join(near)}")
    if not (isinstance(loop_class, type) and issubclass(loop_class, Loop)):
        raise Bad(path, 1, f"{name} is not a subclass of stepdown.Loop")
    try:
        return loop_class()
    except Exception as error:
        raise Bad(path, line_in(error, path), f"{name}() fails: {error}") from None


def line_in(error: BaseException, path: Path) -> int:
    """Return the deepest line of ``path`` that ``error`` passed through, 0 where there is none."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def floats_in(tree: ast.AST, class_name: str) -> Iterator[tuple[int, str]]:
    """Yield line and complaint for each float, and each text made of a number, in the class's own methods."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for part in ast.walk(node):
                if isinstance(part, ast.expr) and (what := _complaint(part)):
                    yield part.lineno, what


def _complaint(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        return f"the strategy uses a float, {node.value}: pages are counted in ints"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return "the strategy uses a float, by /: pages are counted in ints, divide with //"
    called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    return f"the strategy uses {called}(): pages are counted in ints" if called in ("float", "str") else ""
