"""Symbols: what stands for an int or a Boolean while a turn is read for all values at once.

An ``Int`` is a linear form over named variables; whatever compares it yields a ``Bool``, which is one literal; whatever
asks a Bool for its truth asks the explorer which branch to take. So a path's condition is a conjunction of literals and
nothing more. Every other use raises ``Misuse``, which a model cannot catch by mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from proofs.engine.literals import Literal, Terms, compare, evaluate, negative, quotient_name, written

raised: list[BaseException] = []  # in this exploration: a bare "except:" may swallow one, the explorer does not


class Misuse(BaseException):
    """A symbol was used in a way that has no meaning for all values at once. Not an Exception: nobody swallows it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        raised.append(self)


class Undecided(BaseException):
    """A number must be known here, and the engine cannot make it so; ``Int`` says which."""

    def __init__(self, term: Int, reason: str) -> None:
        super().__init__(reason)
        self.term = term
        raised.append(self)


# What an explorer lends to symbols while it runs: set by Explorer, one at a time.
decide: Callable[[Literal], bool] | None = None
enumerate_value: Callable[[Int], int] | None = None


def exploring() -> bool:
    """Return whether some explorer is reading code now."""
    return decide is not None


class Symbol:
    """What Int and Bool have in common: everything that would lose the symbol in silence raises."""

    __slots__ = ()

    def _misuse(self, *_: object) -> NoReturn:
        raise Misuse(f"a symbolic {type(self).__name__.lower()} has no single value to use here")

    __hash__: Any = _misuse  # a symbol in a set or as a dictionary's key is a mistake
    __abs__: Any = _misuse
    __round__ = __divmod__ = __rdivmod__ = __pow__ = __rpow__ = __float__ = __complex__ = __abs__
    __truediv__ = __rtruediv__ = __trunc__ = __floor__ = __ceil__ = __matmul__ = __iter__ = __len__ = __abs__
    __xor__ = __rxor__ = __and__ = __rand__ = __or__ = __ror__ = __invert__ = __contains__ = __abs__
    __getitem__ = __call__ = __int__ = __abs__
    __format__: Any = _misuse
    __str__: Any = _misuse  # its text would pass for its value's; repr is for the engine's own messages
    __add__: Any = _misuse
    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __add__
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __neg__ = __pos__ = __add__
    __lt__: Any = _misuse
    __le__: Any = _misuse
    __gt__: Any = _misuse
    __ge__: Any = _misuse


class Bool(Symbol):
    """A truth value that depends on the variables: one literal."""

    __slots__ = ("literal",)

    def __init__(self, literal: Literal) -> None:
        self.literal = literal

    def __bool__(self) -> bool:
        if decide is None:
            raise Misuse("a symbolic condition is asked outside an exploration")
        return decide(self.literal)

    def __eq__(self, other: object) -> bool | Bool:  # type: ignore[override]  # equality of symbols is a symbol
        if other is True or other is False:
            return self if other else Bool(self.literal.negated())
        if isinstance(other, Bool):
            if self.literal == other.literal:
                return True
            if self.literal == other.literal.negated():
                return False
            return other if self else Bool(other.literal.negated())
        if isinstance(other, int | float | Int):
            raise Misuse("a symbolic Boolean is compared with a number")
        return False

    def __ne__(self, other: object) -> bool | Bool:  # type: ignore[override]  # as above
        return negation(self == other)

    __hash__: Any = Symbol.__hash__

    def __repr__(self) -> str:
        return f"<{self.literal}>"


def negation(truth: bool | Bool) -> bool | Bool:
    """Return the opposite of a truth value without asking for it."""
    return Bool(truth.literal.negated()) if isinstance(truth, Bool) else not truth


def boolean(name: str) -> Bool:
    """Return the Boolean variable ``name``."""
    return Bool(Literal("yes", ((name, 1),)))


class Int(Symbol):
    """An integer that depends on the variables: constant + sum of coefficient * variable."""

    __slots__ = ("constant", "terms")

    def __init__(self, terms: Terms, constant: int = 0) -> None:
        self.terms = terms
        self.constant = constant

    def value(self, values: Mapping[str, int]) -> int:
        """Return the number that this is under ``values``."""
        return evaluate(self.terms, self.constant, values)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Int):
            summed = dict(self.terms)
            for variable, coefficient in other.terms:
                summed[variable] = summed.get(variable, 0) + coefficient
            return integer(summed, self.constant + other.constant)
        return Int(self.terms, self.constant + number(other))

    __radd__ = __add__

    def __neg__(self) -> Int:
        return Int(negative(self.terms), -self.constant)

    def __pos__(self) -> Int:
        return self

    def __sub__(self, other: Any) -> Any:
        return self + (-other if isinstance(other, Int) else -number(other))

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Int):
            return self * other.__index__()
        factor = number(other)
        return Int(tuple((v, c * factor) for v, c in self.terms), self.constant * factor) if factor else 0

    __rmul__ = __mul__

    def __lshift__(self, other: Any) -> Any:
        return self * (1 << other.__index__())

    def __rlshift__(self, other: int) -> int:
        return other << self.__index__()

    def __rshift__(self, other: Any) -> Any:
        return self // (1 << other.__index__())

    def __rrshift__(self, other: int) -> int:
        return other >> self.__index__()

    def __floordiv__(self, other: Any) -> Any:
        modulus = other.__index__()
        if modulus <= 0:
            raise Misuse(f"a symbolic int is divided by {modulus}")
        if modulus == 1:
            return self
        if all(c % modulus == 0 for _, c in self.terms):  # floor((m*t + c) / m) = t + floor(c / m)
            return Int(tuple((v, c // modulus) for v, c in self.terms), self.constant // modulus)
        return quotient(self, modulus)

    def __mod__(self, other: Any) -> Any:
        return self - (self // other) * other.__index__()

    def __rfloordiv__(self, other: int) -> int:
        return other // self.__index__()

    def __rmod__(self, other: int) -> int:
        return other % self.__index__()

    # Bit operations have no linear meaning: the number must be known, or be asked for with a constant that has one.
    def __or__(self, other: Any) -> Any:
        return self if other.__index__() == 0 else self.__index__() | other.__index__()

    __ror__ = __or__

    def __and__(self, other: Any) -> Any:
        mask = other.__index__()
        if mask == 0:
            return 0
        if mask > 0 and mask & (mask + 1) == 0:  # x & (2^k - 1) is x mod 2^k
            return self % (mask + 1)
        return self.__index__() & mask

    __rand__ = __and__

    def __xor__(self, other: Any) -> Any:
        return self.__index__() ^ other.__index__()

    __rxor__ = __xor__

    def __invert__(self) -> Int:
        result: Int = -self - 1
        return result

    def _against(self, kind: str, other: object, sign: int = 1, shift: int = 0) -> Any:
        if isinstance(other, Bool | float | complex):
            raise Misuse(f"a symbolic int is compared with {other!r}")
        if not isinstance(other, Int | int):
            return NotImplemented
        difference = self - other
        if isinstance(difference, int):
            return Literal(kind, (), sign * difference + shift).holds({})
        terms = difference.terms if sign == 1 else negative(difference.terms)
        found = compare(kind, terms, sign * difference.constant + shift)
        return Bool(found) if isinstance(found, Literal) else found

    def __le__(self, other: object) -> Any:
        return self._against("le", other)

    def __lt__(self, other: object) -> Any:
        return self._against("le", other, shift=1)

    def __ge__(self, other: object) -> Any:
        return self._against("le", other, sign=-1)

    def __gt__(self, other: object) -> Any:
        return self._against("le", other, sign=-1, shift=1)

    def __eq__(self, other: object) -> Any:
        return self._against("eq", other)

    def __ne__(self, other: object) -> Any:
        return self._against("ne", other)

    __hash__: Any = Symbol.__hash__

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __index__(self) -> int:
        if enumerate_value is None:
            raise Misuse("a symbolic int is asked for its value outside an exploration")
        return enumerate_value(self)

    def bit_length(self) -> BitLength:
        """Return the number of bits, as something that can be compared with a number."""
        return (-self if self < 0 else self)._bits()

    def _bits(self) -> BitLength:
        return BitLength(self, 0)

    def __repr__(self) -> str:
        return f"<{written(self.terms, self.constant)}>"


class BitLength(Symbol):
    """``term.bit_length() + offset`` of a term that is not negative: ``bit_length(x) <= m`` is ``x < 2^m``."""

    __slots__ = ("offset", "term")

    def __init__(self, term: Int, offset: int) -> None:
        self.term = term
        self.offset = offset

    def __add__(self, other: Any) -> BitLength:
        return BitLength(self.term, self.offset + other.__index__())

    __radd__ = __add__

    def __sub__(self, other: Any) -> BitLength:
        return BitLength(self.term, self.offset - other.__index__())

    def __lshift__(self, other: Any) -> int:
        bits: int = other.__index__()
        return self.__index__() << bits

    def __rlshift__(self, other: int) -> int:
        return other << self.__index__()

    def __le__(self, other: Any) -> Any:
        if isinstance(other, Int):  # far away it is not enumerated
            if other < self.offset:
                return False
            if other >= _MOST_BITS + self.offset and self.term < (1 << _MOST_BITS):
                return True
        bits = other.__index__() - self.offset
        if bits > _MOST_BITS:
            if self.term < (1 << _MOST_BITS):
                return True
            raise Undecided(self.term, f"a number beyond {_MOST_BITS} bits is compared by its bit length")
        return self.term < (1 << bits) if bits >= 0 else False

    def __lt__(self, other: Any) -> Any:
        return self <= other - 1

    def __gt__(self, other: Any) -> Any:
        return negation(self <= other)

    def __ge__(self, other: Any) -> Any:
        return negation(self < other)

    def __eq__(self, other: Any) -> Any:
        return bool(self <= other) and self >= other

    def __ne__(self, other: Any) -> Any:
        return negation(self == other)

    __hash__: Any = Symbol.__hash__

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __index__(self) -> int:
        for bits in range(_MOST_BITS + 1):
            if self.term < (1 << bits):
                return bits + self.offset
        raise Undecided(self.term, f"the bit length of a number beyond {_MOST_BITS} bits must be known")

    def __repr__(self) -> str:
        return f"<bit_length({self.term!r}) + {self.offset}>"


_MOST_BITS = 64  # no C type of the kernel's is wider; an unbounded number is refused rather than enumerated for ever


def number(value: Any) -> int:
    """Return ``value`` as the int that it is; Booleans count as in Python, floats are a misuse."""
    if isinstance(value, Bool):
        return int(bool(value))
    if isinstance(value, BitLength):
        return value.__index__()
    if not isinstance(value, int):
        raise Misuse(f"a symbolic int meets {type(value).__name__} {value!r}")
    return value


def integer(terms: Mapping[str, int], constant: int) -> Int | int:
    """Return the linear form, as a plain int where no variable is left."""
    kept = tuple(sorted((v, c) for v, c in terms.items() if c))
    return Int(kept, constant) if kept else constant


def variable(name: str) -> Int:
    """Return the integer variable ``name``."""
    return Int(((name, 1),))


def quotient(term: Int, modulus: int) -> Int:
    """Return floor(term / modulus), a variable that its own name defines."""
    return variable(quotient_name(term.terms, term.constant, modulus))
