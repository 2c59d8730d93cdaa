"""C's types as far as a loop of this family needs them, and how the two data models of Linux size them."""

from __future__ import annotations

from dataclasses import dataclass

from model.kernel import Unsupported

CHAR, SHORT, INT = 8, 16, 32  # bits, on every Linux


@dataclass(frozen=True)
class CInt:
    """An integer type of ``bits`` bits."""

    name: str
    bits: int
    signed: bool

    @property
    def low(self) -> int:
        """Return the smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Return the largest value."""
        return (1 << (self.bits - self.signed)) - 1

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Pointer:
    """A pointer to ``to``."""

    to: Type

    def __str__(self) -> str:
        return f"{self.to} *"


@dataclass(frozen=True)
class Opaque:
    """A type of which nothing is known but its name: void, a struct, a typedef of the kernel's."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Array:
    """A constant array of ``length`` entries."""

    of: Type
    length: int

    def __str__(self) -> str:
        return f"{self.of}[{self.length}]"


Type = CInt | Pointer | Opaque | Array

VOID = Opaque("void")
PAGE = Opaque("struct page")
PAGE_POINTER = Pointer(PAGE)
PAGE_ARRAY = Pointer(PAGE_POINTER)


WORDS = {"signed", "unsigned", "char", "short", "int", "long"}  # that name integers


class DataModel:
    """The sizes of one kind of machine: "ilp32" (32-bit ARM) or "lp64"."""

    def __init__(self, name: str) -> None:
        if name not in ("ilp32", "lp64"):
            raise ValueError(f"no data model is called {name}; known: ilp32, lp64")
        self.name = name
        word = 32 if name == "ilp32" else 64
        self.word_bytes = word // 8
        self.int = CInt("int", INT, True)
        self.uint = CInt("unsigned int", INT, False)
        self.long = CInt("long", word, True)
        self.ulong = CInt("unsigned long", word, False)
        self.llong = CInt("long long", 64, True)
        self.ullong = CInt("unsigned long long", 64, False)
        self.bool = CInt("bool", 1, False)
        self.size_t = CInt("size_t", word, False)
        self.gfp_t = CInt("gfp_t", INT, False)
        self.named: dict[str, Type] = {
            "bool": self.bool, "_Bool": self.bool, "size_t": self.size_t, "ssize_t": CInt("ssize_t", word, True),
            "gfp_t": self.gfp_t, "uint": self.uint, "ulong": self.ulong, "void": VOID,
            "uintptr_t": self.ulong, "pgoff_t": self.ulong,
        }  # fmt: skip
        for bits in (8, 16, 32, 64):
            for prefix in ("s", "__s"):
                self.named[f"{prefix}{bits}"] = CInt(f"s{bits}", bits, True)
            for prefix in ("u", "__u"):
                self.named[f"{prefix}{bits}"] = CInt(f"u{bits}", bits, False)
            self.named[f"int{bits}_t"] = CInt(f"s{bits}", bits, True)
            self.named[f"uint{bits}_t"] = CInt(f"u{bits}", bits, False)

    def from_words(self, words: list[str]) -> CInt:
        """Return the type that keywords such as "unsigned long" spell."""
        if not {*words} <= WORDS:
            raise ValueError(" ".join(words))
        signed = "unsigned" not in words
        if "char" in words:  # plain char is unsigned on ARM, signed on x86
            if "signed" not in words and signed:
                raise ValueError("char without signed or unsigned")
            return CInt("signed char" if signed else "unsigned char", CHAR, signed)
        if "short" in words:
            return CInt("short" if signed else "unsigned short", SHORT, signed)
        longs = words.count("long")
        kinds = {0: (self.int, self.uint), 1: (self.long, self.ulong), 2: (self.llong, self.ullong)}
        if longs not in kinds:
            raise ValueError(" ".join(words))
        return kinds[longs][0 if signed else 1]

    def size_bytes(self, kind: Type) -> int:
        """Return sizeof. Raises Unsupported for a type of unknown size."""
        if isinstance(kind, CInt):
            return max(1, kind.bits // 8)
        if isinstance(kind, Pointer):
            return self.word_bytes
        if isinstance(kind, Array):
            return kind.length * self.size_bytes(kind.of)
        raise Unsupported("", f"sizeof({kind})")

    def promoted(self, kind: CInt) -> CInt:
        """Return the type after integer promotion (C11 6.3.1.1)."""
        return self.int if kind.bits < INT else kind

    def common(self, one: CInt, other: CInt) -> CInt:
        """Return the type both operands are converted to (C11 6.3.1.8)."""
        one, other = self.promoted(one), self.promoted(other)
        if one.signed == other.signed:
            return one if self._rank(one) >= self._rank(other) else other
        signed, unsigned = (one, other) if one.signed else (other, one)
        if self._rank(unsigned) >= self._rank(signed):
            return unsigned
        if signed.bits > unsigned.bits:
            return signed
        return {"long": self.ulong, "long long": self.ullong}.get(signed.name, CInt("unsigned", signed.bits, False))

    def _rank(self, kind: CInt) -> tuple[int, int]:
        names = {"long": 1, "unsigned long": 1, "size_t": 1, "ssize_t": 1, "long long": 2, "unsigned long long": 2}
        return kind.bits, names.get(kind.name, 0 if kind.bits <= INT else 1)

    def literal(self, text: str) -> tuple[int, CInt]:
        """Return the value and type of an integer constant (C11 6.4.4.1). Raises ValueError."""
        digits = text.lower().rstrip("ul")
        suffix = text.lower()[len(digits) :]
        if digits.startswith("0x"):
            value, decimal = int(digits, 16), False
        elif digits.startswith("0b"):
            value, decimal = int(digits, 2), False
        elif digits.startswith("0") and len(digits) > 1:
            value, decimal = int(digits, 8), False
        else:
            value, decimal = int(digits, 10), True
        ladder = [(self.int, self.uint), (self.long, self.ulong), (self.llong, self.ullong)]
        longs = suffix.count("l")
        if sorted(suffix) not in ([], ["u"], ["l"], ["l", "u"], ["l", "l"], ["l", "l", "u"]):
            raise ValueError(text)
        for signed, unsigned in ladder[longs:]:
            if "u" not in suffix and value <= signed.high:
                return value, signed
            if ("u" in suffix or not decimal) and value <= unsigned.high:
                return value, unsigned
        raise ValueError(text)
