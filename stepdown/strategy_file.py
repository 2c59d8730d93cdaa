"""A user's strategy file: read, made to stop where it would never end, and imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from warnings import catch_warnings

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
        with catch_warnings(action="ignore", category=SyntaxWarning):
            tree = ast.parse(path.read_bytes(), str(path))
            code = compile(Guarded().visit(tree), str(path), "exec")
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        raise Bad(path, line, f"it does not import: {type(error).__name__}: {error}") from None
    module = ModuleType(f"stepdown_user_{path.stem}")
    module.__dict__.update(__file__=str(path), __steps__=Steps())
    sys.modules[module.__name__] = module  # dataclasses look their module up
    loop = _made(path, name, module, code)
    for line, what in faults_in(tree, name):
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


def faults_in(tree: ast.Module, class_name: str) -> Iterator[tuple[int, str]]:
    """Yield line and complaint for each expression, in the class or in what it names of its file, that does not mean
    for a symbol what it means for a number: floats, a number's text, what object or of what type a number is."""
    for definition in _reached(tree, class_name):
        for part in ast.walk(definition):
            if isinstance(part, ast.expr | ast.pattern) and (what := _complaint(part)):
                yield part.lineno, f"the strategy {what}"
            if isinstance(part, ast.arguments):
                for default in (*part.defaults, *filter(None, part.kw_defaults)):
                    if isinstance(default, ast.Call | ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp):
                        yield default.lineno, "a default value that can change: what must last belongs in the state"


def _reached(tree: ast.Module, name: str) -> Iterator[ast.AST]:
    """Yield the class ``name`` and those of the file's own functions, classes and values that it names, or that these
    do."""
    own: dict[str, ast.AST] = {n.name: n for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            own |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    seen, waiting = {name}, [name]
    while waiting:
        definition = own.get(waiting.pop())
        if definition is not None:
            yield definition
            named = {part.id for part in ast.walk(definition) if isinstance(part, ast.Name)}
            waiting += named - seen
            seen |= named


def _complaint(node: ast.expr | ast.pattern) -> str:
    match node:
        case ast.Constant(value=float(number)):
            return f"uses a float, {number}: pages are counted in ints"
        case ast.BinOp(op=ast.Div()):
            return "uses a float, by /: pages are counted in ints, divide with //"
        case ast.Call(func=ast.Name(id="float" | "str" | "repr" | "ascii" as called)):
            return f"uses {called}(): pages are counted in ints"
        case ast.Call(func=ast.Name(id="id" | "eval" | "exec" | "hasattr" | "callable" as called)):
            return f"uses {called}(): it cannot be read for all numbers at once"
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds]) if _names_a_number(kinds):
            return "asks whether a value is a number: for the proof it is a symbol"
        case ast.MatchClass(cls=kind) if _names_a_number(kind):
            return "asks whether a value is a number: for the proof it is a symbol"
        case ast.Attribute(attr="__class__"):
            return "asks of what type a value is, by __class__"
        case ast.MatchSingleton(value=bool(truth)):
            return f"asks what object a value is, by `case {truth}`: write `if`"
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = zip([left, *others], ops, others, strict=False)
            if any(isinstance(op, ast.Is | ast.IsNot) and not _are_objects(one, other) for one, op, other in sides):
                return "asks what object a value is, by `is`: write ==, or the Boolean alone"
    return ""


def _are_objects(*sides: ast.expr) -> bool:
    """Return whether ``is`` may stand between the two: one is None or an End, or is a type and no number's."""
    for side in sides:
        match side:
            case ast.Constant(value=None) | ast.Name(id="DONE" | "FAILED"):
                return True
            case ast.Call(func=ast.Name(id="type")):
                return not any(map(_names_a_number, sides))
    return False


def _names_a_number(kinds: ast.expr) -> bool:
    """Return whether the type of a number is among ``kinds``."""
    return any(isinstance(part, ast.Name) and part.id in ("int", "bool") for part in ast.walk(kinds))
