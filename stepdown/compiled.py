"""A function of a C file, compiled with stubs for what it calls and run in a child process with limits.

This is the one place where something of the input is executed; only ``stepdown conform`` comes here.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tree_sitter import Node

from model.c.function import CFunction
from model.c.siblings import around
from model.c.source import Source, text, walk
from model.c.table import helper
from model.c.values import DMA_ATTRS, GFP_FLAGS, OTHER_FLAGS, SINGLE_PAGES
from model.gfp import GFP_KERNEL, NAMES, Gfp

STUBS = Path(__file__).with_name("stubs.h")
COMMON = ("-std=gnu11", "-O1", "-w", "-fwrapv")
BARE = ("-m32", "-ffreestanding", "-nostdlib", "-static", "-fno-stack-protector", "-fno-pie", "-no-pie")
BUILDS: dict[str, tuple[tuple[str, ...], ...]] = {  # data model: the compiler's words, one step after the other
    "lp64": ((*COMMON, "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", "loop", "loop.c"),),
    "ilp32": (
        (*COMMON, *BARE, "-DBARE", "-fsanitize=undefined", "-c", "-o", "loop.o", "loop.c"),
        (*BARE, "-o", "loop", "loop.o"),
    ),
}
COMPILE_SECONDS, RUN_SECONDS = 60, 60
MOST_OUTPUT = 64 << 20  # bytes of one file
SANITIZER = re.compile(r"[^\s:]*:?[\d:]*:? ?runtime error: .*|AddressSanitizer: [\w-]+")
DRIVER = """
#line 1 "driver"
static void every_call(void)
{{
	for (;;) {{
		int ended = 0, letter;
		unsigned long n = take_number(&ended);
		gfp_t gfp = take_number(&ended);
		unsigned long attrs = take_number(&ended);
		struct page **pages;

		granted_orders = take_number(&ended);
		if (ended)
			return;
		for (answered = 0; (letter = next_letter()) == '0' || letter == '1';)
			if (answered < MOST_ANSWERS)
				answers[answered++] = letter;
		asked = next_frame = 0;
		pages = {call};
		put_text(pages ? "ok" : "failed");
		for (unsigned long i = 0; pages && i < n; i++) {{
			put(' ');
			put_number(pages[i] ? frame_of(pages[i]) : -1L);
		}}
		free(pages);
		check_memory();
		put('\\n');
		flush();
	}}
}}

#ifdef BARE
void _start(void) {{ every_call(); _exit(0); }}
#else
int main(void) {{ every_call(); return 0; }}
#endif
"""
HANDLER = """static const char *stop(const char *why);
#define HANDLER(name) void __ubsan_handle_##name(void) { stop(#name); }"""


class NotCompiled(Exception):
    """The function cannot be compiled here: one clear line."""


@dataclass(frozen=True)
class Case:
    """One call: the first answers, then the orders that are granted, one bit each."""

    n: int
    single_pages: bool = False
    answers: tuple[bool, ...] = ()
    granted_orders: int = 0
    gfp: Gfp = GFP_KERNEL

    def grants(self, order: int) -> bool:
        """Return the answer to a request after the first ones."""
        return bool(self.granted_orders >> order & 1)

    def line(self) -> str:
        """Return the case as the driver reads it."""
        attrs = _attr_bits()[SINGLE_PAGES] if self.single_pages else 0
        answers = "".join("01"[answer] for answer in self.answers)
        return f"{self.n} {self.gfp.bits} {attrs} {self.granted_orders} {answers}\n"


def gfp_from(bits: int) -> Gfp:
    """Return the flags of which ``bits`` are the bits."""
    named = {name: bool(bits >> at & 1) for at, name in enumerate(NAMES)}
    return Gfp(**named, other=bits >> len(NAMES) << len(NAMES))


def _attr_bits() -> dict[str, int]:
    return {name: 1 << at for at, name in enumerate(sorted(DMA_ATTRS))}


def _names() -> Iterator[str]:
    bits = {name: 1 << at for at, name in enumerate(NAMES)}
    assert min(OTHER_FLAGS.values()) >= 1 << len(NAMES)
    bits |= OTHER_FLAGS
    for name, atoms in GFP_FLAGS.items():
        yield f"#define {name} {sum(bits[atom] for atom in atoms):#x}U"
    for name, bit in _attr_bits().items():
        yield f"#define {name} {bit:#x}UL"


def c_text(function: CFunction, bare: bool) -> str:
    """Return the whole program: stubs, what the function uses of its file, the function and what is retold around it,
    the driver; ``bare``: without a library. Raises NotCompiled."""
    sources = (around(), function.source)
    outermost = function.reader.calls[0][0]
    wanted, used = [outermost], list[str]()
    while wanted:
        name = wanted.pop()
        if name in used or helper(name) is not None:
            continue
        nodes = [node for source in sources for node in source.functions.get(name, []) + source.globals.get(name, [])]
        bodies = [body for source in sources for body, _ in source.macros.get(name, [])]
        if nodes or bodies:
            used.append(name)
        wanted += [text(part) for node in nodes for part in walk(node) if part.type == "identifier"]
        wanted += [word for body in bodies for word in body.replace("(", " ").replace(")", " ").split()]
    passed = {bound.name for bound in function.bounds}
    constants = {name: value for name, value in function.reader.constants.items() if name not in passed}
    parts = [*_names(), *(f"#define {name} {value}" for name, value in constants.items())]
    parts += [f"#define {name} 1" for name, value in function.reader.configs.items() if value]
    asked = {word for source in sources for word in re.findall(rb"CONFIG_\w+", source.data)}
    configs = dict.fromkeys(sorted(word.decode() for word in asked), False) | function.reader.configs
    parts += [f"#define SET_{name} {int(value)}" for name, value in configs.items()]
    parts += [f'#line 1 "bare.h"\n{HANDLER}\n{STUBS.with_name("bare.h").read_text()}'] if bare else []
    parts += [f'#line 1 "stubs.h"\n{STUBS.read_text()}']
    parts += [f"#define {n} {body}" for n in used for s in sources for body, _ in s.macros.get(n, [])[:1]]
    last = [node for source in sources for node in source.functions.get(outermost, [])]
    for source in sources:
        nodes = [n for name in used for n in (*source.globals.get(name, []), *source.functions.get(name, []))]
        for node in sorted({node.start_byte: node for node in nodes if node not in last}.values(), key=_begins):
            parts.append(_numbered(source, node))
    parts += [_numbered(around() if outermost != function.name else function.source, node) for node in last]
    return "\n".join(parts) + DRIVER.format(call=_call(function))


def _begins(node: Node) -> int:
    return node.start_byte


def _numbered(source: Source, node: Node) -> str:
    name = Path(source.name).name.replace("\\", "").replace('"', "")
    return f'#line {node.start_point[0] + 1} "{name}"\n{text(node)}'


def _call(function: CFunction) -> str:
    passed = {"bytes": "n << PAGE_SHIFT", "pages": "n", "gfp": "gfp", "attrs": "attrs", "unknown": "0"}
    arguments = []
    for bound in function.bounds:
        if bound.role == "array":
            raise NotCompiled(f"{function.name} fills an array of its caller's: not compared")
        arguments.append(str(bound.value) if bound.role == "fixed" else passed[bound.role])
    return f"{function.reader.calls[0][0]}({', '.join(arguments)})"


@dataclass(frozen=True)
class Compiled:
    """A program that was built."""

    path: Path

    def run(self, cases: Sequence[Case]) -> tuple[list[str], str]:
        """Return what each case came to, up to the first that was stopped; and what stopped it, "" for nothing.

        It reads and writes files: on a pipe, it and whoever reads would wake each other for every case.
        """
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as written:
            given.write("".join(case.line() for case in cases).encode())
            given.seek(0)
            try:
                ran = subprocess.run(
                    [self.path], stdin=given, stdout=written, stderr=subprocess.PIPE, text=True, errors="replace",
                    timeout=RUN_SECONDS, cwd=self.path.parent, env={"ASAN_OPTIONS": "detect_leaks=0"},
                    preexec_fn=_limit, check=False,
                )  # fmt: skip
                why = _why(ran)
            except subprocess.TimeoutExpired:
                why = f"no end within {RUN_SECONDS} s"
            written.seek(0)
            *lines, last = written.read().decode(errors="replace").split("\n")
        if not why and (last or len(lines) < len(cases)):
            why = "it ended before the last case"
        return lines, why


def _why(ran: subprocess.CompletedProcess[str]) -> str:
    """Return why a program ended, "" where it came to its end."""
    if ran.returncode == 0:
        return ""
    told = SANITIZER.search(ran.stderr)
    return told[0] if told else f"ended with status {ran.returncode}"


def _limit() -> None:
    """Limit the child: AddressSanitizer reserves terabytes of address space, so that stays as it is."""
    resource.setrlimit(resource.RLIMIT_CPU, (RUN_SECONDS, RUN_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_OUTPUT, MOST_OUTPUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def makes(model: str) -> bool:
    """Return whether a C compiler is here that makes programs of this data model, and they run."""
    with tempfile.TemporaryDirectory(prefix="stepdown-") as folder:
        empty = HANDLER.replace("stop(#name);", "") + STUBS.with_name("bare.h").read_text()
        program = (
            "void _start(void) { call_kernel(EXIT, 0, 0, 0); }" if model == "ilp32" else "int main(void) { return 0; }"
        )
        try:
            _build(f"{empty}\n{program}\n", model, Path(folder))
            return subprocess.run([Path(folder, "loop")], check=False, timeout=RUN_SECONDS).returncode == 0
        except (NotCompiled, OSError, subprocess.SubprocessError):
            return False


@contextmanager
def compiled(function: CFunction) -> Iterator[Compiled]:
    """Compile the function in a directory of its own, which goes with the block. Raises NotCompiled."""
    with tempfile.TemporaryDirectory(prefix="stepdown-") as folder:
        model = function.model.name
        _build(c_text(function, bare=model == "ilp32"), model, Path(folder))
        yield Compiled(Path(folder, "loop"))


def _build(program: str, model: str, folder: Path) -> None:
    """Compile a program in ``folder``, as "loop". Raises NotCompiled."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NotCompiled("no C compiler: cc, gcc and clang were looked for")
    Path(folder, "loop.c").write_text(program)
    for words in BUILDS[model]:
        try:
            built = subprocess.run(
                [compiler, *words], capture_output=True, text=True, errors="replace",
                timeout=COMPILE_SECONDS, cwd=folder, env={"PATH": os.environ.get("PATH", "")}, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise NotCompiled(f"the compiler took more than {COMPILE_SECONDS} s") from None
        if built.returncode:
            wrong = (line for line in built.stderr.splitlines() if "error" in line)
            raise NotCompiled(f"does not compile here: {next(wrong, 'no reason given').replace(f'{folder}/', '')}")
