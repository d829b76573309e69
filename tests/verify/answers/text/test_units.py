"""Units: a list, with one name for each."""

import pytest

from paceline.verify.answers.text.units import currency, plain_unit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("cm", "cm"), ("centimeters", "cm"), ("square feet", "ft^2"), ("sq. ft.", "ft^2"),
        ("cm^2", "cm^2"), ("m/s^2", "m/s^2"), ("miles per hour", "mi/h"), ("Hours", "h"),
        ("degrees Celsius", "C"), ("apples", "apple"), ("people", "person"), ("Cm", None),
        ("million", None), ("percent", None), ("dozen", None), ("roots", None), ("x", None),
        ("or 6", None), ("square cm^2", None), ("", None), ("cm/s/m", None),
    ],
)  # fmt: skip
def test_units_by_name(text, unit):
    assert plain_unit(text) == unit


def test_signs_of_money():
    assert currency("$") == plain_unit("dollars") == "dollar" and currency("#") is None
