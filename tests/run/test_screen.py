"""What is printed of a run."""

import io

from rich.console import Console

from paceline.run.screen import Screen, duration, shortened
from tests.conftest import group_of, ragged_round


def screen(width=100):
    out = io.StringIO()
    return Screen(100, console=Console(file=out, width=width, highlight=False)), out


def line(**changes):
    base = {
        "step": 3, "accuracy": 0.5, "reward": 0.5, "completions": 64, "completion_tokens": 12.0,
        "cut": 0.25, "empty": 0.0, "groups": 8, "groups_without_signal": 3,
        "tokens_per_second": 400.0, "seconds": 2.0, "rows_trained": 40, "skipped": False,
    }  # fmt: skip
    return base | changes


def test_a_line_by_hand():
    made, out = screen()
    made.step(line())
    # 32 of 64 right: Wilson's interval is 38 to 62 %. 97 steps of 2 s are left: 194 s, 3 minutes.
    words = out.getvalue().splitlines()[-1].split()
    assert words == [
        "3/100",
        "50",
        "%",
        "[38–",
        "62]",
        "0.50",
        "12.0",
        "25",
        "%",
        "5/8",
        "400",
        "2.0",
        "3",
        "min",
    ]


def test_remarks_are_made_once():
    made, out = screen()
    for _ in range(3):
        made.step(line(cut=0.9, rows_trained=0))
    assert out.getvalue().count("raise rollouts.max_tokens") == 1
    assert out.getvalue().count("a step had no signal") == 1


def test_model_text_cannot_drive_the_terminal():
    nasty = "a\x1b[2Jb\x1b]0;title\x07c\u202ed\n\r\te"
    plain = shortened(nasty, 80)
    assert "\x1b" not in plain and "\x07" not in plain and "\u202e" not in plain
    assert plain.startswith("ab") and plain.endswith("d e")


def test_long_text_keeps_both_ends():
    short = shortened("start " + "x" * 500 + " end", 40)
    assert len(short) <= 41 and short.startswith("start") and short.endswith("end")


def test_markup_in_model_text_is_text():
    made, out = screen()
    group = group_of((5,), [((7,), (0.0,), 1.0)])
    problem = type(group.problem)("p", "[bold red]what[/]", "1")
    rollout = type(group.rollouts[0])(
        problem, group.rollouts[0].completion, group.rollouts[0].verdict
    )
    from paceline.types import Group, Round

    made.completions(Round(0, (Group(problem, (5,), (rollout,)),)))
    assert "[bold red]what[/]" in out.getvalue()


def test_the_best_and_the_worst_are_shown():
    made, out = screen(width=200)
    made.completions(ragged_round())
    rewards = [line.split()[-1] for line in out.getvalue().splitlines()]
    assert rewards[0] == "2.00" and rewards[-1] == "0.00"


def test_durations():
    assert [duration(s) for s in (5.4, 89, 90, 600, 7500)] == [
        "5 s", "89 s", "2 min", "10 min", "2 h 05",
    ]  # fmt: skip
