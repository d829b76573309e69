"""The bars of completions' weights, in percent of the plot."""

import pytest

from paceline.analysis.replay.token_data import reader_data
from paceline.analysis.replay.weight_bars import Scale, weight_bars
from tests.helpers.replays import a_measure, a_replay, an_effect

UP, DOWN = an_effect(1, (0.2, 0.4), weight=0.6), an_effect(4, (-0.1, -0.3), weight=0.4)


def bars_of(*measured):
    found = a_replay(*measured)
    return weight_bars(found, reader_data(found))


def test_a_scale_holds_the_largest_shares_on_both_sides():
    scale = Scale.of([[0.6, -0.1], [0.0, -0.2]])
    assert (scale.up, scale.down) == (0.6, 0.2)
    # 0.6 of 0.8 is above the line.
    assert scale.line == pytest.approx(75) and scale.height(-0.2) == pytest.approx(25)
    nothing = Scale.of([[0.0]])
    assert (nothing.line, nothing.height(0.0)) == (0.0, 0.0)


def test_bars_stand_in_the_order_of_rows_with_a_gap_between_groups():
    made = bars_of(a_measure("grpo", UP, DOWN))
    (line,) = made.lines
    up, down = line.bars
    # Two groups of two rows, and a gap: five slots of 20 %. Row 1 is in the second, row 4 in the
    # fourth; a bar is 80 % of its slot.
    assert (up.kind, up.group, up.x, up.width) == ("up", 0, "20.000", "16.000")
    assert (down.kind, down.group, down.x, down.width) == ("down", 1, "60.000", "16.000")
    # Up to 0.6 above the line and 0.4 below it: the line is at 60 %.
    assert (line.line, up.y, up.height) == ("60.00", "0.00", "60.00")
    assert (down.y, down.height) == ("60.00", "40.00")
    assert made.longest == "60 %"
    # Middles of 0 to 36 % and of 60 to 96 %.
    assert [(n.x, n.text) for n in made.numbers] == [("18.00", "1"), ("78.00", "2")]


def test_all_objectives_share_a_scale():
    strong = a_measure("gspo", an_effect(0, (0.9, 0.0), weight=0.9))
    one, other = bars_of(a_measure("grpo", UP), strong).lines
    # The largest share is 0.9, and none is below the line.
    assert one.line == other.line == "100.00"
    assert [bar.height for bar in (*one.bars, *other.bars)] == ["66.67", "100.00"]


def test_a_weight_that_is_no_number_has_no_bar():
    broken = an_effect(0, (0.1, 0.1), weight=float("nan"))
    (line,) = bars_of(a_measure("grpo", broken, UP)).lines
    # Rows 0 and 1 are shown, and only the second has a bar.
    assert [bar.x for bar in line.bars] == ["50.000"]
    assert line.spoken == "grpo: 2 of 4 completions have a gradient; the largest share is 60 %"


def test_without_weight_a_sentence_stands_there():
    made = bars_of(a_measure("grpo"))
    assert made.lines == () and made.none == (
        "No completion of this part is pushed by any of the objectives."
    )


def test_an_objective_without_effects_is_spoken_of():
    _, silent = bars_of(a_measure("grpo", UP), a_measure("gspo")).lines
    assert silent.bars == () and silent.spoken == "gspo: 0 of 4 completions have a gradient"
