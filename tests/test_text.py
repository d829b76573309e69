"""Text: its lines, its counts, its summaries."""

import pytest
from rich.cells import cell_len

from paceline.text import counted, summary, wrapped


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


def test_a_command_between_backticks_stays_whole():
    text = "sound: start it with `paceline train tiny task=rows steps=3` and look"
    assert "`paceline train tiny task=rows steps=3`" in wrapped(text, 30).replace("\n", "|")
