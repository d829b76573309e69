"""Rows that bring their completions, before the model is loaded."""

import pytest

from paceline import recipes
from paceline.errors import ConfigError, DataError
from paceline.objective import Center, Objective, Truncate, named
from paceline.preflight.load import load
from paceline.preflight.preflight import check
from paceline.preflight.rows import check_answers, read_in_all, with_rows
from tests.helpers.given import Worked


def config(**changes):
    start = recipes.tiny().with_(
        task=Worked(), answers="given", objective=named.sft(), steps=4,
        rollouts={"problems": 4, "completions": 8, "max_tokens": 24},
    )  # fmt: skip
    return start.with_(**changes)


def test_rows_are_read_and_steps_decide():
    loaded = with_rows(load(config()))
    assert loaded.rows is not None and len(loaded.rows.train) == 12
    assert loaded.config.steps == 4 and read_in_all(loaded) is None


def test_epochs_decide_the_steps():
    loaded = with_rows(load(config(epochs=2, rollouts={"problems": 5})))
    # 24 rows by fives: four steps of five rows, and one of four.
    assert loaded.config.steps == 5 and read_in_all(loaded) == 24


def test_a_step_needs_its_rows():
    with pytest.raises(DataError, match="12 rows to learn from, but a step takes 13"):
        with_rows(load(config(rollouts={"problems": 13})))


def test_an_objective_that_compares_needs_something_to_compare_with():
    with pytest.raises(ConfigError, match=r"Center\(\).* compares .* take objective=sft"):
        with_rows(load(config(objective=Objective(advantage=Center()))))
    corrected = Objective(advantage=named.sft().advantage, correction=Truncate())
    with pytest.raises(ConfigError, match=r"correction=.* leave it out"):
        with_rows(load(config(objective=corrected)))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"answers": "sampled", "epochs": 1}, "epochs is 1, but the model's own answers"),
        ({"rollouts": {"completions": 4}}, "rollouts.completions is 4, but with answers=given"),
        ({"rollouts": {"temperature": 0.7}}, "rollouts.temperature is 0.7"),
        ({"rollouts": {"accept": "signal"}}, "rollouts.accept is signal"),
        ({"rollouts": {"mask_cut": True}}, "rollouts.mask_cut is True"),
        ({"schedule": {"epochs": 2}}, "epochs the passes over all of them"),
        ({"schedule": {"minibatches": 2}}, "rollouts.problems is the number of rows of a step"),
    ],
)
def test_a_setting_that_would_change_nothing_is_told(changes, told):
    with pytest.raises(ConfigError, match=told):
        check_answers(config(**changes))
    check_answers(config())


def test_a_task_without_a_reward_is_not_sampled_for():
    with pytest.raises(ConfigError, match="Task 'worked' has no reward, and answers that"):
        check(recipes.tiny().with_(task=Worked()), timed=False)


def test_what_was_left_out_is_a_note(tmp_path):
    preflight = check(config(task=Worked(long=2)), path=tmp_path / "r", timed=False)
    assert any("2 training rows left out" in note for note in preflight.notes)
    assert preflight.tried.paid == () and preflight.estimate.disk.rollouts == 0
