"""Parts as text, and what is no part."""

from dataclasses import dataclass

import pytest

from paceline.errors import ConfigError
from paceline.objective import Center, Described
from paceline.objective.parts import capitalised, check_part, description_of, text_of


def halves(round):
    return round


@dataclass(frozen=True)
class Own:
    scale: float = 2.0

    def __call__(self, round):
        return round


def test_a_value_is_its_expression_and_a_function_its_name():
    assert text_of(Center()) == "Center()"
    assert text_of(halves) == f"{__name__}.halves"


def test_a_part_describes_itself_or_is_told_as_it_is_written():
    assert description_of(Center()) == Center().describe() and isinstance(Center(), Described)
    assert description_of(Own()) == "Own(scale=2.0)"
    assert description_of(halves) == f"{__name__}.halves"


def test_a_clause_gets_a_capital_and_nothing_else():
    assert capitalised("the mean of A") == "The mean of A" and capitalised("") == ""


def test_classes_and_numbers_are_no_parts():
    check_part("advantage", Own())
    check_part("advantage", halves)
    with pytest.raises(ConfigError, match=r"advantage is the class Own; give a value: Own\("):
        check_part("advantage", Own)
    with pytest.raises(ConfigError, match="advantage must be one of its parts or a function"):
        check_part("advantage", 3)
