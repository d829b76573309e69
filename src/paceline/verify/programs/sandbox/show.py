"""Code that runs inside the sandbox behind a program that is asked for a value: the value in words
that `programs.values` reads back outside.

A value is shown as what Python's own `==` compares of it: the contents of a built-in type or of a
few of the standard library, also where its class only inherits that `==` (a defaultdict is its
dictionary, a named tuple its tuple, an IntEnum its number). Any value whose class has an `==` of
its own is shown as nothing, inside of others too. This text is executed by itself, with `value` in
its globals, and imports nothing of paceline.
"""

import collections
import datetime
import decimal
import fractions
from collections.abc import Callable, Iterable
from typing import Any

NOTHING = "?"
"""The text of a value that cannot be shown: not a value in Python's syntax, nor a part of one."""
KEYS, ITEMS = type({}.keys()), type({}.items())


def shown(value: Any) -> str:
    if value is None or value is True or value is False:
        return repr(value)
    if value is ...:
        return "..."
    for base, show in SHOWN:
        if isinstance(value, base) and type(value).__eq__ is base.__eq__:
            return show(value)
    return NOTHING


def shown_float(value: float) -> str:
    """The text of a float. NaN is nothing: it equals nothing, not even itself."""
    text = float.__repr__(value)
    return {"inf": "1e999", "-inf": "-1e999", "nan": NOTHING}.get(text, text)


def several(values: Iterable[Any]) -> str:
    return ", ".join(map(shown, values))


def shown_tuple(value: tuple) -> str:
    inside = several(tuple.__iter__(value))
    return f"({inside},)" if inside else "()"


def shown_set(value: Any) -> str:
    inside = several(type(value).__iter__(value))
    return f"{{{inside}}}" if inside else "set()"


def shown_dict(value: dict) -> str:
    pairs = (f"{shown(k)}: {shown(v)}" for k, v in dict.items(value))
    return f"{{{', '.join(pairs)}}}"


def shown_range(value: range) -> str:
    return f"range({value.start}, {value.stop}, {value.step})"


def shown_datetime(value: datetime.datetime) -> str:
    parts = (value.year, value.month, value.day, value.hour, value.minute, value.second)
    whole = value.tzinfo is None
    return f"datetime({several((*parts, value.microsecond))})" if whole else NOTHING


def shown_time(value: datetime.time) -> str:
    parts = (value.hour, value.minute, value.second, value.microsecond)
    return f"time({several(parts)})" if value.tzinfo is None else NOTHING


SHOWN: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (int, int.__repr__),
    (float, shown_float),
    (complex, complex.__repr__),
    (str, str.__repr__),
    (bytes, bytes.__repr__),
    (bytearray, lambda value: bytes.__repr__(bytes(value))),
    (list, lambda value: f"[{several(list.__iter__(value))}]"),
    (tuple, shown_tuple),
    (set, shown_set),
    (frozenset, lambda value: f"frozenset({shown_set(value)})"),
    (KEYS, shown_set),
    (ITEMS, shown_set),
    (collections.Counter, lambda value: f"Counter({shown_dict(value)})"),
    (
        collections.OrderedDict,
        lambda value: f"OrderedDict([{several(collections.OrderedDict.items(value))}])",
    ),
    (dict, shown_dict),
    (collections.deque, lambda value: f"deque([{several(collections.deque.__iter__(value))}])"),
    (range, shown_range),
    (fractions.Fraction, lambda value: f"Fraction({value.numerator}, {value.denominator})"),
    (decimal.Decimal, lambda value: f"Decimal({decimal.Decimal.__str__(value)!r})"),
    (datetime.datetime, shown_datetime),
    (datetime.date, lambda value: f"date({value.year}, {value.month}, {value.day})"),
    (datetime.time, shown_time),
    (
        datetime.timedelta,
        lambda value: f"timedelta({value.days}, {value.seconds}, {value.microseconds})",
    ),
)
"""Types with functions that show their values; for a type that inherits from another, the one whose
`==` it has."""

if "value" in globals():
    print("\n" + shown(globals()["value"]))  # on a line of its own, whatever was printed before
