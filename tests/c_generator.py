"""Small C functions drawn at random from the subset that model/c reads: what both a compiler and the interpreter run.

They are written to reach undefined behaviour seldom, not never: shift counts and divisors are mostly masked, loops end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

KINDS = (
    "int", "unsigned int", "long", "unsigned long", "short", "unsigned short", "signed char", "unsigned char", "bool",
    "size_t", "u8", "s16", "u32",
)  # fmt: skip
WIDE = ("long long", "unsigned long long", "u64", "s64")  # 64 bits in both data models
ARITHMETIC = ("+", "-", "*", "&", "|", "^")
COMPARED = ("<", "<=", ">", ">=", "==", "!=")
INTERESTING = (0, 1, 2, 3, 5, 7, 8, 15, 31, 32, 63, 64, 100, 127, 128, 255, 256, 4095, 32767, 65535, 65536)
EDGES = (2147483647, 2147483648, 4294967295, -1, -2, -128, -32768, -2147483648)
ENTRIES = 8  # of a constant array, at most


@dataclass
class Drawn:
    """A function's C, with all that it uses of its file, and the arguments of its calls."""

    name: str
    text: str
    returned: str
    parameters: tuple[str, ...]
    calls: list[tuple[int, ...]] = field(default_factory=list)


class Writer:
    """Writes one function, with an array, macros and a callee of its own."""

    def __init__(self, random: Random, name: str, wide: bool) -> None:
        self.random = random
        self.name = name
        self.kinds = KINDS + (WIDE if wide else ())
        self.names = 0
        self.variables: list[str] = []  # in scope
        self.kept: set[str] = set()  # loop counters, which only their loop changes
        self.macros: list[str] = []
        self.arrays: list[tuple[str, int]] = []
        self.callee: tuple[str, int] | None = None
        self.loops = 0  # around here
        self.labelled = False

    def function(self) -> Drawn:
        """Return the function."""
        parts = [self.macro() for _ in range(self.random.randrange(3))]
        parts += [self.array() for _ in range(self.random.randrange(2))]
        if self.random.random() < 0.4:
            own, count = f"{self.name}_callee", self.random.randint(1, 2)
            parts.append(self.one(own, count)[0])
            self.callee = own, count
        text, returned, parameters = self.one(self.name, self.random.randint(1, 3))
        return Drawn(self.name, "\n".join([*parts, text]), returned, parameters)

    def one(self, name: str, count: int) -> tuple[str, str, tuple[str, ...]]:
        """Return a function's text, its type and those of its parameters."""
        self.variables = [self.fresh() for _ in range(count)]
        self.labelled = self.random.random() < 0.3
        kinds = tuple(self.kind() for _ in range(count))
        returned = self.kind()
        listed = ", ".join(f"{kind} {own}" for kind, own in zip(kinds, self.variables, strict=True))
        body = [f"\t{self.declaration()}" for _ in range(self.random.randint(1, 3))]
        body += self.statements(self.random.randint(1, 4), "\t")
        if self.labelled:
            body += ["out:", f"\t{self.changed()}"]
        body.append(f"\treturn {self.expression(2)};")
        return f"static {returned} {name}({listed})\n{{\n" + "\n".join(body) + "\n}\n", returned, kinds

    def fresh(self) -> str:
        """Return a name that is not taken."""
        self.names += 1
        return f"v{self.names}"

    def kind(self) -> str:
        """Return a type; more often one that little is lost in."""
        everyday = ("int", "unsigned int", "long", "unsigned long")
        return self.random.choice(self.kinds if self.random.random() < 0.35 else everyday)

    def number(self) -> str:
        """Return a constant."""
        value = self.random.choice(EDGES if self.random.random() < 0.05 else INTERESTING)
        if value < 0:
            return f"({value})"
        suffix = self.random.choice(("", "", "", "U", "L", "UL"))
        return (hex(value) if self.random.random() < 0.3 else str(value)) + suffix

    def macro(self) -> str:
        """Return a macro for a constant."""
        own = f"M_{self.name}_{len(self.macros)}".upper()
        self.macros.append(own)
        return f"#define {own} ({self.number()} {self.random.choice(('+', '|', '^'))} {self.number()})"

    def array(self) -> str:
        """Return a constant array."""
        own, length = f"{self.name}_array", self.random.randint(1, ENTRIES)
        entries = ", ".join(str(self.random.choice((-1, 0, 1, 4, 8, 9, 200, 300))) for _ in range(length))
        self.arrays.append((own, length))
        return f"static const {self.kind()} {own}[] = {{ {entries} }};"

    # -- expressions

    def leaf(self) -> str:
        """Return a variable, or a constant."""
        draw = self.random.random()
        if draw < 0.65:
            return self.random.choice(self.variables)
        if draw < 0.72 and self.macros:
            return self.random.choice(self.macros)
        return self.number()

    def expression(self, depth: int) -> str:
        """Return an expression, nested at most so deep."""
        draw = self.random.random()
        if depth == 0 or draw < 0.15:
            return self.leaf()
        one, other = self.expression(depth - 1), self.expression(depth - 1)
        if draw < 0.5:
            return f"({one} {self.random.choice(ARITHMETIC)} {other})"
        if draw < 0.6:
            count = self.random.choice(("1", "3", f"(({other}) & 7)", other if depth == 1 else "2"))
            return f"({one} {self.random.choice(('<<', '>>'))} {count})"
        if draw < 0.66:
            divisor = self.random.choice((f"(({other}) | 1)", "3", "7U", other))
            return f"({self.random.choice((one, f'(-({one}))'))} {self.random.choice('/%')} {divisor})"
        if draw < 0.72:
            return f"({self.kind()})({one})"
        if draw < 0.78:
            return f"({self.condition(depth - 1)} ? {one} : {other})"
        if draw < 0.83:
            return self.condition(depth - 1)
        if draw < 0.9:
            return f"({self.random.choice('-~!+')}({one}))"
        if draw < 0.95 and self.arrays:
            own, length = self.random.choice(self.arrays)
            masked = f"({one}) & {(1 << length.bit_length() - 1) - 1}"
            index = self.random.choice((str(length - 1), masked, masked, masked, one))
            return f"{own}[{index}]"
        return f"sizeof({self.random.choice((self.kind(), one))})"

    def condition(self, depth: int) -> str:
        """Return something that is 0 or 1."""
        if depth > 0 and self.random.random() < 0.4:
            sign = self.random.choice(("&&", "||"))
            return f"({self.condition(depth - 1)} {sign} {self.condition(depth - 1)})"
        return f"({self.expression(depth)} {self.random.choice(COMPARED)} {self.expression(max(0, depth - 1))})"

    # -- statements

    def declaration(self) -> str:
        """Return a new variable with its first value."""
        value, own = self.expression(1), self.fresh()
        self.variables.append(own)
        return f"{self.kind()} {own} = {value};"

    def changed(self) -> str:
        """Return a statement that changes a variable."""
        free = [own for own in self.variables if own not in self.kept]
        if not free:
            return ";"
        target, draw = self.random.choice(free), self.random.random()
        if draw < 0.2:
            return f"{self.random.choice((f'{target}++', f'{target}--', f'++{target}', f'--{target}'))};"
        if draw < 0.45:
            return f"{target} {self.random.choice(('+', '-', '*', '&', '|', '^'))}= {self.expression(1)};"
        if draw < 0.5:
            return f"{target} {self.random.choice(('<<', '>>'))}= {self.random.choice('123')};"
        if draw < 0.65 and self.callee:
            name, count = self.callee
            return f"{target} = {name}({', '.join(self.expression(1) for _ in range(count))});"
        return f"{target} = {self.expression(2)};"

    def block(self, indent: str) -> list[str]:
        """Return statements with a scope of their own; a name of outside may be declared anew."""
        before = list(self.variables)
        body = [f"{indent}\t{self.declaration()}"] if self.random.random() < 0.3 else []
        hidden = [own for own in before if own not in self.kept]
        if hidden and self.random.random() < 0.15:
            body.append(f"{indent}\t{self.kind()} {self.random.choice(hidden)} = {self.number()};")
        body += self.statements(self.random.randint(1, 2), indent + "\t")
        self.variables = before
        return body

    def statements(self, count: int, indent: str) -> list[str]:
        """Return so many statements."""
        return [line for _ in range(count) for line in self.statement(indent)]

    def statement(self, indent: str) -> list[str]:
        """Return one statement."""
        draw = self.random.random()
        deep = len(indent) > 3
        if draw < 0.45 or deep:
            if self.loops and self.random.random() < 0.15:
                leave = self.random.choice(("break", "continue"))
                return [f"{indent}if ({self.condition(1)})", f"{indent}\t{leave};"]
            if self.labelled and self.random.random() < 0.15:
                return [f"{indent}if ({self.condition(1)})", f"{indent}\tgoto out;"]
            return [indent + self.changed()]
        if draw < 0.5:
            return [f"{indent}if ({self.condition(1)})", f"{indent}\treturn {self.expression(1)};"]
        if draw < 0.75:
            lines = [f"{indent}if ({self.condition(2)}) {{", *self.block(indent)]
            if self.random.random() < 0.5:
                lines += [f"{indent}}} else {{", *self.block(indent)]
            return [*lines, f"{indent}}}"]
        return self.loop(indent)

    def loop(self, indent: str) -> list[str]:
        """Return a loop that ends: a counter of its own counts its passes."""
        own, most, outer = self.fresh(), self.random.randint(1, 6), list(self.variables)
        kind = self.random.choice(("int", "unsigned int", "unsigned char"))
        self.variables.append(own)
        self.kept.add(own)
        self.loops += 1
        body = self.block(indent)
        self.loops -= 1
        self.variables = outer
        draw = self.random.random()
        if draw < 0.5:
            return [f"{indent}for ({kind} {own} = 0; {own} < {most}; {own}++) {{", *body, f"{indent}}}"]
        lines = [f"{indent}{{", f"{indent}{kind} {own} = {most};"]
        if draw < 0.75:
            return [*lines, f"{indent}while ({own}--) {{", *body, f"{indent}}}", f"{indent}}}"]
        return [*lines, f"{indent}do {{", *body, f"{indent}}} while (--{own});", f"{indent}}}"]


def drawn(seed: int, wide: bool = True, calls: int = 5) -> Drawn:
    """Return the function that ``seed`` stands for, with so many calls; ``wide``: 64-bit types in it, too."""
    random = Random(seed)
    function = Writer(random, f"f{seed}", wide).function()
    for _ in range(calls):
        drawn_from = [EDGES if random.random() < 0.1 else INTERESTING for _ in function.parameters]
        function.calls.append(tuple(random.choice(values) for values in drawn_from))
    return function
