"""The findings of a replay as a record."""

from tests.helpers.replays import a_measure, a_replay


def test_the_runs_own_objective_is_the_first():
    own, other = a_measure("grpo"), a_measure("gspo")
    assert a_replay(own, other).own is own


def test_the_rows_are_those_of_the_parts_groups():
    # Three groups of two completions; the part has the first and the last of them.
    assert a_replay().rows == (0, 1, 4, 5)
    assert a_replay(groups=(1,)).rows == (2, 3)


def test_later_steps_train_on_later_parts_of_the_round_and_are_in_the_run():
    # Step 6 is the second of four parts: the third and the fourth are steps 7 and 8.
    assert a_replay().later_steps == (7, 8)
    assert a_replay(last_step=7).later_steps == (7,)
    assert a_replay(last_step=6).later_steps == a_replay(part=3).later_steps == ()
