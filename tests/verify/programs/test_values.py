"""Values that come back from a program."""

import pytest

from paceline.verify.programs.values import NOTHING, equal, shown_value


@pytest.mark.parametrize(
    ("shown", "value"),
    [
        ("5", 5),
        ("before\n\n[1, (2,), {3: {4}}]\n", [1, (2,), {3: {4}}]),
        ("-1e999", float("-inf")),
        ("(1+2j)", 1 + 2j),
        ("frozenset(set())", frozenset()),
        ("{frozenset({1}): 'a'}", {frozenset({1}): "a"}),
    ],
)
def test_a_value_is_the_last_line(shown, value):
    assert shown_value(shown) == value


@pytest.mark.parametrize(
    "shown",
    [
        "", "?", "[1, ?]", "f(1)", "int(5)", "__import__('os')", "1 if 1 else 2", "x", "5 6",
        # What takes no such argument, or would be a burden to make.
        "Counter([1])", "Counter(range(0, 999999999999, 1))", "deque(range(0, 999999999999, 1))",
        "set([1])", "range(0, 1)", "Fraction(1, 0)", "date(0, 0, 0)", "Decimal('x')",
        "Decimal('sNaN')", "timedelta(999999999999, 0, 0)", "{[1]: 2}", "{{}}",
        "[" * 5000 + "]" * 5000, "-" * 9000 + "1", "1+" * 5000 + "1", f"'{'a' * 20_000}'",
    ],
)  # fmt: skip
def test_anything_else_is_nothing(shown):
    value = shown_value(shown)
    assert value is NOTHING
    assert not equal(value, NOTHING) and not equal(value, value)
