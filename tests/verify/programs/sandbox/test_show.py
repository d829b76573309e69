"""Values in words: what is shown inside the sandbox is read back outside as what it equals."""

import collections
import contextlib
import datetime
import decimal
import enum
import fractions
import io
from typing import NamedTuple

import pytest

from paceline.verify.programs.sandbox.show import NOTHING, shown
from paceline.verify.programs.values import showing, shown_value


class Point(NamedTuple):
    x: int
    y: int


class Color(enum.IntEnum):
    RED = 3


class Names(list):
    """Equal to a list, as its class says nothing else."""

    def __repr__(self) -> str:
        return "0"


class Sly(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class Own:
    pass


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"), (True, "True"), (..., "..."), (-3, "-3"), (0.1, "0.1"),
        (float("inf"), "1e999"), (float("-inf"), "-1e999"), (1 - 2j, "(1-2j)"),
        ("a'\n", '"a\'\\n"'), (b"\x00", "b'\\x00'"), (bytearray(b"a"), "b'a'"),
        ([], "[]"), ([1, [2]], "[1, [2]]"), ((), "()"), ((1,), "(1,)"), ((1, 2), "(1, 2,)"),
        (set(), "set()"), ({1}, "{1}"), (frozenset(), "frozenset(set())"),
        (frozenset({1}), "frozenset({1})"), ({"a": [1]}, "{'a': [1]}"), ({}, "{}"),
        ({1: 2}.keys(), "{1}"), ({1: 2}.items(), "{(1, 2,)}"),
        (collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
        (collections.OrderedDict(a=1), "OrderedDict([('a', 1,)])"),
        (collections.deque([1, 2]), "deque([1, 2])"), (range(1, 9, 2), "range(1, 9, 2)"),
        (fractions.Fraction(2, 6), "Fraction(1, 3)"), (decimal.Decimal("1.50"), "Decimal('1.50')"),
        (datetime.date(2026, 2, 3), "date(2026, 2, 3)"),
        (datetime.datetime(2026, 2, 3, 4, 5, 6, 7), "datetime(2026, 2, 3, 4, 5, 6, 7)"),
        (datetime.time(4, 5), "time(4, 5, 0, 0)"),
        (datetime.timedelta(days=1, seconds=2), "timedelta(1, 2, 0)"),
        # Classes that only inherit their `==`.
        (Point(1, 2), "(1, 2,)"), (Color.RED, "3"), (Names([1]), "[1]"),
        (collections.defaultdict(list, a=[1]), "{'a': [1]}"),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_what_it_equals(value, text):
    assert shown(value) == text
    assert shown_value(text) == value


@pytest.mark.parametrize(
    "value",
    [
        float("nan"), Own(), Own, len, Sly(1), object(), {1: 2}.values(),
        datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), datetime.time(1, tzinfo=datetime.UTC),
    ],
)  # fmt: skip
def test_anything_else_is_nothing_inside_of_others_too(value):
    assert shown(value) == NOTHING
    assert shown([1, value]) == "[1, ?]"


def test_it_runs_behind_a_program_and_stands_on_a_line_of_its_own():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec("print('half a line', end='')\nx = [1, 2]\n" + showing("x + [3]"), {})
    assert printed.getvalue() == "half a line\n[1, 2, 3]\n"
