"""Rows that cannot be used, told together."""

import pytest

from paceline.errors import ConfigError, DataError
from paceline.tasks.faults import MOST_CHARACTERS, Fault, Faults, check_reaction, check_text


def faults(*found: tuple[int, Fault]) -> Faults:
    made = Faults()
    for number, fault in found:
        made.add(number, fault)
    return made


def test_rows_with_one_fault_are_one_sentence() -> None:
    two = faults((2, Fault("it is odd", 7)), (5, Fault("it is odd", 9)))
    with pytest.raises(DataError) as refused:
        two.notes("'x'", drop=False, left=True)
    assert str(refused.value) == (
        "Rows 2 and 5 of 'x' (the first: 7): it is odd. Fix them, or leave them out with "
        "task.on_error=drop."
    )
    assert two.notes("'x'", drop=True, left=True) == [
        "Left out: rows 2 and 5 of 'x' (the first: 7): it is odd."
    ]


def test_the_first_fault_is_told_and_notes_tell_all() -> None:
    both = faults((3, Fault("it is odd", details=". So it is.")), (4, Fault("it is even", "four")))
    with pytest.raises(DataError, match=r"^Row 3 of 'x': it is odd\. So it is\. Fix them"):
        both.notes("'x'", drop=False, left=True)
    assert both.notes("'x'", drop=True, left=True) == [
        "Left out: row 3 of 'x': it is odd. So it is.",
        "Left out: row 4 of 'x' ('four'): it is even.",
    ]


def test_where_nothing_would_be_left_nothing_is_advised() -> None:
    for drop in (False, True):
        with pytest.raises(DataError, match=r"^Row 1 of 'x': it is odd\.$"):
            faults((1, Fault("it is odd"))).notes("'x'", drop=drop, left=False)
    assert Faults().notes("'x'", drop=False, left=True) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a" * (MOST_CHARACTERS + 1), "the turn is longer than 1,000,000 characters"),
        ("a\0b", "the turn has a NUL character"),
        ("\ud800", "the turn is not valid Unicode"),
    ],
)
def test_text_that_is_none(text: str, reason: str) -> None:
    with pytest.raises(Fault) as refused:
        check_text(text, "turn")
    assert refused.value.reason == reason
    check_text("a\n中文 🚲", "turn")


def test_a_reaction_is_stop_or_drop() -> None:
    with pytest.raises(ConfigError, match=r"task\.on_error is 'skip'; it is stop or drop\."):
        check_reaction("skip")
    check_reaction("stop")
    check_reaction("drop")
