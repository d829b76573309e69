"""What is printed of a run."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from paceline.run.screen import Screen, hindered, printable, shortened
from tests.helpers.records import a_measurement, a_step, some_pairs
from tests.helpers.rounds import group_of, ragged_round


def screen(width=100):
    out = io.StringIO()
    return Screen(100, console=Console(file=out, width=width, highlight=False, soft_wrap=True)), out


def line(**changes):
    base = {
        "step": 3, "completion_tokens": 12.0, "cut": 0.25, "groups_without_signal": 3,
        "tokens_per_second": 400.0, "seconds": 2.0, "rows_trained": 40,
    }  # fmt: skip
    return a_step(**base | changes)


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


def on_terminal(width=80):
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, force_terminal=True, soft_wrap=True)
    return Screen(1000, console=console), out


def shown(out):
    """The lines without the sequences that colour them."""
    return [printable(line) for line in out.getvalue().splitlines()]


def test_a_row_fits_into_eighty_columns_below_its_header():
    made, out = on_terminal()
    made.step(line())
    most = {"step": 1000, "accuracy": 1.0, "reward": -123.45, "completion_tokens": 16384.0}
    more = {"cut": 1.0, "groups": 512, "groups_without_signal": 0, "tokens_per_second": 99999.0}
    made.step(line(**most, **more, seconds=9999.9))
    head, small, large = shown(out)
    assert len(head) == len(small) == len(large) == 79
    # Every figure of a row ends where its heading does, or one column beside it.
    for title, figure in (("reward", "0.50"), ("length", "12.0"), ("tokens/s", "400"),
                          ("s/step", "2.0")):  # fmt: skip
        assert head.index(title) + len(title) == small.index(f" {figure} ") + len(figure) + 1


def test_what_is_said_breaks_at_words():
    made, out = on_terminal(40)
    made.say_once("more than half of the completions were cut by their length.")
    assert shown(out) == [
        "  note: more than half of the",
        "        completions were cut by their",
        "        length.",
    ]
    made, out = screen(width=40)  # no terminal: a sentence is a line
    made.say_once("more than half of the completions were cut by their length.")
    assert len(out.getvalue().splitlines()) == 1


def test_a_demo_that_learns_is_not_warned():
    # Ten steps at which most completions are cut, five without signal; then answers that end
    # and, once most are right, steps without any signal again.
    made, out = screen()
    for step in range(1, 81):
        cut, right = (0.85, 0.05) if step <= 10 else (0.0, 0.9)
        silent = step <= 5 or 60 <= step <= 65
        made.step(line(step=step, cut=cut, accuracy=right, rows_trained=0 if silent else 40))
    assert "note:" not in out.getvalue()


def test_completions_that_stay_cut_are_told_once():
    made, out = screen()
    for step in range(1, 31):
        made.step(line(step=step, cut=0.6, accuracy=0.1))
        assert out.getvalue().count("raise rollouts.max_tokens") == (step >= 20)


def test_a_critic_that_explains_nothing_is_told_once():
    made, out = screen(200)
    for step in range(1, 60):
        made.step(line(step=step, value=0.4, explained_variance=0.02 if step > 20 else 0.3))
    told = [line for line in out.getvalue().splitlines() if "note" in line]
    # At 20 the mean of the last 20 is 30 %; at 38 it is the first below 5 %: (0.6 + 0.36) / 20.
    assert told == [
        "  note: over the last 20 steps V explained 5 % of the rewards, no more than one number "
        "for all would."
    ]
    worse, out = screen(200)
    for step in range(1, 21):
        worse.step(line(step=step, value=0.4, explained_variance=-0.2))
    assert "V explained 0 % of the rewards" in out.getvalue()


def test_a_critic_that_explains_something_is_not_remarked_on():
    made, out = screen(200)
    for step in range(1, 60):
        made.step(line(step=step, value=0.4, explained_variance=0.1))
        made.step(line(step=step))
    assert "note" not in out.getvalue()


def test_cut_completions_that_may_be_right_are_no_trouble():
    made, out = screen()
    for _ in range(30):  # 99 % are cut and 12 % right: some of the right ones were cut
        made.step(line(cut=0.99, accuracy=0.12))
    assert "note:" not in out.getvalue()


@pytest.mark.parametrize(
    ("cut", "right", "told"),
    [
        (1.0, 0.0, True),
        (1.0, 0.05, False),  # a cut one was right
        (0.9, 0.1, True),  # all that ended were right; 1 − 0.9 is a little less than 0.1 in binary
        (0.9, 0.11, False),
        (0.5, 0.0, False),
    ],
)
def test_cut_completions_are_trouble_unless_more_are_right_than_ended(cut, right, told):
    assert hindered(cut, right) == told


def test_a_run_that_goes_on_knows_what_earlier_sittings_saw():
    made, out = screen()
    for step in range(1, 20):
        made.earlier_step(line(step=step, cut=0.6, accuracy=0.1))
    assert out.getvalue() == ""
    made.step(line(step=20, cut=0.6, accuracy=0.1))
    assert out.getvalue().count("raise rollouts.max_tokens") == 1


def measured(cut, right):
    return a_measurement(right, cut=cut, seconds=30.0)


def test_a_model_is_blamed_for_cut_answers_when_it_is_used_not_before_it_learns():
    made, out = screen()
    made.evaluated("before training", measured(0.81, 0.02))
    assert "81 % cut" in out.getvalue() and "note:" not in out.getvalue()
    made.remark_on("after training", measured(0.81, 0.02))
    assert "81 % of the answers were cut by length and count as wrong" in out.getvalue()
    made, out = screen()
    made.remark_on("after training", measured(1.0, 0.1))  # cut ones count here
    made.remark_on("after training", measured(0.1, 0.5))
    assert out.getvalue() == ""


def test_an_accuracy_is_shown_with_its_interval_where_that_is_known():
    # The helper's intervals are ±4 points; of a measurement made by hand none is known.
    known, bare = measured(0.0, 0.5), replace(measured(0.0, 0.25), intervals={})
    made, out = screen()
    made.evaluated("before training", known)
    made.evaluated("after training", bare)
    first, last = out.getvalue().splitlines()
    assert first.startswith("before training: sampled 50.0 % [46.0–54.0], greedy 50.0 % on 500 ")
    assert last.startswith("after training: sampled 25.0 %, greedy 25.0 % on 500 held-out")
    made, out = screen()
    made.table(bare, known)
    rows = [" ".join(line.strip("│").split()) for line in out.getvalue().splitlines()]
    assert "sampled │ 25.0 % │ 50.0 % [46.0–54.0] │ +25.0" in rows


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
    from paceline.types import Group, Prompt, Round

    made.completions(Round(0, (Group(problem, Prompt((5,)), (rollout,)),)))
    assert "[bold red]what[/]" in out.getvalue()


def test_the_best_and_the_worst_are_shown():
    made, out = screen(width=200)
    made.completions(ragged_round())
    rewards = [line.split()[-1] for line in out.getvalue().splitlines()]
    assert rewards[0] == "2.00" and rewards[-1] == "0.00"


def test_the_order_of_pairs_is_shown_beside_what_length_alone_would_reach():
    made, out = screen(200)
    made.evaluated("before training", some_pairs(0.5))
    made.evaluated("after training", some_pairs(0.9, calibration_error=0.0321, seconds=3.0))
    first, last = out.getvalue().splitlines()
    # The helper's intervals are ±5 points.
    assert first.startswith(
        "before training: 50.0 % [45.0–55.0] of 300 held-out pairs in order, margin 0.500; the "
        "longer wins 60.0 % ("
    )
    assert "90.0 % [85.0–95.0] of 300" in last and "calibration error 0.032 (3 s)" in last


def test_the_table_of_pairs_has_their_order_and_their_margin():
    made, out = screen()
    made.table(some_pairs(0.5), some_pairs(0.9, pair_margin=1.75))
    rows = [" ".join(line.strip("│").split()) for line in out.getvalue().splitlines()]
    assert "pairs in order │ 50.0 % [45.0–55.0] │ 90.0 % [85.0–95.0] │ +40.0" in rows
    assert "margin │ 0.500 │ 1.750 │ +1.250" in rows
    assert "300 held-out pairs, of which the longer wins 60.0 %" in out.getvalue()


def test_a_reward_model_is_shown_with_its_use():
    made, out = screen(200)
    figures = {"temperature": 0.5, "calibration_error": 0.02, "calibration_error_before": 0.11}
    more = {"right_from": 0.4217, "length_correlation": -0.25}
    made.scorer(some_pairs(0.9, **figures, **more), Path("runs/x/model"))
    assert out.getvalue().splitlines() == [
        "scores   divided by 0.5, the temperature that the held-out pairs ask for: calibration "
        "error 0.110 → 0.020",
        "scores   rank correlation of score and length -0.25",
        'reward   RewardModel("runs/x/model", right_from=0.422)',
    ]
    made, out = screen(200)
    made.scorer(some_pairs(0.9), Path("m"))
    assert out.getvalue() == 'reward   RewardModel("m")\n'
