"""Values that a program was asked for: shown in words inside the sandbox, read back outside of it.

The result is data of built-in and standard types, made here. So `==` between two of them is
Python's own, and nothing that a program defines has a part in it.
"""

import ast
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

MAX_VALUE = 20_000
"""Most characters of a shown value that is read back."""

NOTHING = object()
"""The value of a text that cannot be read: equal to nothing but itself."""

_SHOW = Path(__file__).with_name("sandbox").joinpath("show.py").read_text(encoding="utf-8")

_Made = Callable[..., Any]
_CALLS: dict[str, tuple[tuple[type, ...], _Made]] = {
    "set": ((), set),
    "frozenset": ((set,), frozenset),
    "Counter": ((dict,), Counter),
    "OrderedDict": ((list,), OrderedDict),
    "deque": ((list,), deque),
    "range": ((int,) * 3, range),
    "Fraction": ((int,) * 2, Fraction),
    "Decimal": ((str,), lambda text: _finite(Decimal(text))),
    "date": ((int,) * 3, date),
    "datetime": ((int,) * 7, datetime),
    "time": ((int,) * 4, time),
    "timedelta": ((int,) * 3, timedelta),
}
"""Name -> (the types of its arguments, its maker). Exactly these arguments: a Counter of a range of
a million million would be a burden."""


def showing(expression: str) -> str:
    """A line of code that prints the expression's value after a program, for `shown_value`."""
    return f"__import__('builtins').exec({_SHOW!r}, {{'value': ({expression})}})"


def shown_value(text: str) -> object:
    """The value on the last line of a text, or NOTHING if no value can be read there."""
    line = text.rstrip().rpartition("\n")[2]
    if len(line) > MAX_VALUE:
        return NOTHING
    try:
        return _read(ast.parse(line, mode="eval").body)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError, ArithmeticError):
        return NOTHING


def equal(value: object, expected: object) -> bool:
    """Tell whether two values that were read are equal by Python's `==`."""
    try:
        return value is not NOTHING and bool(value == expected)
    except (RecursionError, ArithmeticError):
        return False


def _read(node: ast.expr) -> Any:
    match node:
        case ast.List(elts):
            return [_read(one) for one in elts]
        case ast.Tuple(elts):
            return tuple(_read(one) for one in elts)
        case ast.Set(elts):
            return {_read(one) for one in elts}
        case ast.Dict(keys, values):
            pairs = zip(keys, values, strict=True)
            return {_read(key): _read(value) for key, value in pairs if key is not None}
        case ast.Call(ast.Name(name), arguments, []) if name in _CALLS:
            wanted, made = _CALLS[name]
            given = [_read(one) for one in arguments]
            if tuple(map(type, given)) != wanted:
                raise TypeError(name)
            return made(*given)
    return ast.literal_eval(node)


def _finite(number: Decimal) -> Decimal:
    if number.is_nan():  # even to compare a signalling one raises
        raise ValueError("no number")
    return number
