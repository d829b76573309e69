"""Text: its lines, its counts, its summaries."""

import pytest
from rich.cells import cell_len

from paceline.text import (
    THIN,
    abridged,
    counted,
    counted_any,
    data_size,
    decimal,
    duration,
    listed,
    percent,
    percent_range,
    points,
    points_range,
    quantity,
    rounded_count,
    short_duration,
    shortened_repr,
    signed_points,
    summary,
    thin_percent,
    wrapped,
)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        # What follows stands under where the line's own text began.
        ("one two three four", 9, ["one two", "three", "four"]),
        ("  note: one two three", 16, ["  note: one two", "        three"]),
        (
            "  task       one two three four",
            26,
            ["  task       one two three", "             four"],
        ),
        ("    │ one two three", 13, ["    │ one two", "    │ three"]),
        ("– one two three", 9, ["– one two", "  three"]),
        # Columns within a line that fits stay where they are.
        ("a    b   c", 10, ["a    b   c"]),
        # A path has no place to break and stays whole, on a line of its own.
        ("see /a/long/path/of/a/run now", 12, ["see", "/a/long/path/of/a/run", "now"]),
        # Each character is two columns wide: five of them fit into ten.
        ("小小的模型学会加法", 10, ["小小的模型", "学会加法"]),
        ("  note: 小小的模型加法", 16, ["  note: 小小的模", "        型加法"]),
        ("one\ntwo three", 5, ["one", "two", "three"]),
        ("", 5, [""]),
        ("   ", 2, [""]),
        ("x  y " * 3, None, ["x  y x  y x  y "]),
    ],
)
def test_lines_break_at_words(text, width, lines):
    assert wrapped(text, width).split("\n") == lines


def test_an_indentation_that_leaves_no_room_is_given_up():
    lines = wrapped(" " * 30 + "one two three", 20).split("\n")
    assert lines[1:] == ["two three"]


def test_no_line_is_wider_than_it_may_be():
    text = "  note: the last number is the expected answer，模型学会了两位数的加法 and then some"
    for width in range(24, 90):
        lines = wrapped(text, width).split("\n")
        assert max(map(cell_len, lines)) <= width
        # Nothing is lost but the spaces at which lines were broken.
        assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_summary_is_the_first_paragraph_and_is_not_cut_at_its_first_line():
    def documented():
        """One sentence that goes
        on.

        Another.
        """

    assert summary(documented) == "One sentence that goes on."
    assert summary(lambda: None) == ""


def test_one_is_one_and_none_or_more_are_several():
    told = [counted(n, "held-out problem") for n in (0, 1, 2)]
    assert told == ["0 held-out problems", "1 held-out problem", "2 held-out problems"]
    assert counted(1200, "row", ",") == "1,200 rows"
    several = [counted_any(of, "step") for of in ([1], [1, 1], [40, 80, 40], [1, 2])]
    assert several == ["1 step", "1 step", "40 or 80 steps", "1 or 2 steps"]


def test_a_command_between_backticks_stays_whole():
    text = "sound: start it with `paceline train tiny task=rows steps=3` and look"
    assert "`paceline train tiny task=rows steps=3`" in wrapped(text, 30).replace("\n", "|")


def test_shares():
    assert [percent(s) for s in (0.754, 0.005, 1.0)] == ["75 %", "0 %", "100 %"]
    assert percent(0.0042, 1) == "0.4 %"
    assert thin_percent(0.754) == f"75.4{THIN}%" and thin_percent(0.5, 0) == f"50{THIN}%"
    assert percent_range(0.7459, 0.8179) == f"74.6–81.8{THIN}%"


def test_differences_of_shares_have_a_sign_unless_they_round_to_nothing():
    assert [signed_points(d) for d in (0.752, -0.0254, 0.00049, -0.0004, 0.0)] == [
        "+75.2", "−2.5", "±0.0", "±0.0", "±0.0",
    ]  # fmt: skip
    assert points_range(-0.01, 0.02) == "−1.0 to +2.0" and points(0.0254) == "2.5"


def test_a_minus_is_a_minus():
    assert [decimal(v) for v in (0.414, -0.04)] == ["0.41", "−0.04"] and decimal(
        -0.5, 3
    ) == "−0.500"


def test_quantities():
    assert [quantity(v) for v in (1240.4, 0.0123, 3.1, 99.96, 0, 1.8e41, -2500.0)] == [
        "1,240", "0.0123", "3.1", "100", "0", "1.8e+41", "-2,500",
    ]  # fmt: skip
    assert [quantity(v) for v in (float("inf"), float("nan"))] == ["inf", "nan"]
    assert (quantity(2.5e6), quantity(2.5e6, 1e6)) == ("2,500,000", "2.5e+06")


def test_counts_and_sizes():
    assert [rounded_count(n) for n in (9500, 134_515_008, 1_540_000_000)] == [
        "9,500", "135 million", "1.5 billion",
    ]  # fmt: skip
    assert [data_size(n) for n in (4e4, 3.5e7, 1e8, 1.6e9, 2.4e11)] == [
        "0.0 MB", "35 MB", "0.1 GB", "1.6 GB", "240 GB",
    ]  # fmt: skip


def test_durations():
    seconds = (5.4, 89, 90, 600, 7500)
    assert [short_duration(s) for s in seconds] == ["5 s", "89 s", "2 min", "10 min", "2 h 05"]
    assert [duration(s) for s in seconds] == [
        "5 seconds", "89 seconds", "1.5 minutes", "10.0 minutes", "2.1 hours",
    ]  # fmt: skip


def test_a_list_in_a_sentence():
    assert listed(["grpo"]) == "grpo" and listed(["grpo", "gspo"]) == "grpo and gspo"
    assert listed(["grpo", "gspo", "dapo"]) == "grpo, gspo and dapo"


def test_a_very_long_text_keeps_its_beginning_and_its_end():
    text = "a" * 30 + "b" * 1234 + "c" * 30
    cut = "a" * 30 + "\n[… 1,234 characters left out …]\n" + "c" * 30
    assert abridged(text, 60) == cut and abridged("a" * 60, 60) == "a" * 60


def test_a_long_value_is_told_by_its_beginning():
    assert shortened_repr("four") == "'four'"
    assert shortened_repr("x" * 99) == "'" + "x" * 55 + "…'"
    assert shortened_repr([0] * 40) == "[" + "0, " * 19 + "0…"
