"""Changes between two sessions of a run: which pass, which have to be named, which cannot be."""

from pathlib import Path

import pytest

from paceline import recipes
from paceline.config import to_json
from paceline.errors import ConfigError
from paceline.objective import named
from paceline.store.description import Environment
from paceline.store.history import config_changes, flat, record_resume, within
from paceline.store.places import create_run
from paceline.tasks import Rows

TINY = recipes.tiny()
OLD = to_json(TINY)
RUN = Path("my runs/tiny")


def test_differences_are_by_key():
    longer = to_json(TINY.with_(steps=99, evaluation={"problems": 3}))
    assert config_changes(RUN, OLD, longer, ()) == {
        "steps": (60, 99),
        "evaluation.problems": (10, 3),
    }
    new = to_json(TINY.with_(objective=named.rloo()))
    with pytest.raises(ConfigError) as refused:
        config_changes(RUN, OLD, new, ())
    assert str(refused.value) == (
        "objective is rloo here and grpo in the run, which changes the results; choose another "
        "--out for a new run, resume without the change, or name it: `paceline resume 'my "
        "runs/tiny' objective=rloo`."
    )
    assert list(config_changes(RUN, OLD, new, ["objective"])) == ["objective"]
    other = to_json(TINY.with_(**{"task.high": 5}))
    assert list(config_changes(RUN, OLD, other, ["task"])) == ["task.high"]
    assert config_changes(RUN, OLD, OLD, ()) == {}


def test_a_change_of_results_has_to_be_named():
    new = to_json(TINY.with_(**{"optimizer.lr": 0.5}))
    with pytest.raises(ConfigError) as refused:
        config_changes(RUN, OLD, new, ["optimizer.warmup"])
    assert str(refused.value) == (
        "optimizer.lr is 0.5 here and 0.01 in the run, which changes the results; choose another "
        "--out for a new run, resume without the change, or name it: `paceline resume 'my "
        "runs/tiny' optimizer.lr=0.5`."
    )
    assert config_changes(RUN, OLD, new, ["optimizer.lr"]) == {"optimizer.lr": (0.01, 0.5)}


def test_another_task_is_named_as_the_command_line_takes_it():
    new = to_json(TINY.with_(task=Rows("q.csv")))
    with pytest.raises(ConfigError) as refused:
        config_changes(RUN, OLD, new, ())
    assert str(refused.value) == (
        "task is rows here and arithmetic in the run, which changes the results; choose another "
        "--out for a new run, resume without the change, or name it: `paceline resume 'my "
        "runs/tiny' task=rows`."
    )
    assert "task.type" in config_changes(RUN, OLD, new, ["task"])


def test_a_long_value_is_shortened_in_the_sentence_and_whole_in_the_command():
    old, new = (to_json(TINY.with_(task=Rows("q.csv", system=s * 61))) for s in "ab")
    with pytest.raises(ConfigError) as refused:
        config_changes(RUN, old, new, ())
    told = str(refused.value)
    assert told.startswith(f"task.system is {'b' * 59}… here and {'a' * 59}… in the run, which")
    assert f"task.system={'b' * 61}`" in told


@pytest.mark.parametrize(
    ("key", "value"), [("seed", 3), ("schedule.minibatches", 2), ("model.dtype", "bf16")]
)
def test_what_a_checkpoint_depends_on_cannot_change_named_or_not(key, value):
    new = to_json(TINY.with_(**{key: value}))
    with pytest.raises(ConfigError, match=rf"^{key} is .*, and cannot change within a run; choose"):
        config_changes(RUN, OLD, new, [key])


def test_steps_are_free_while_the_learning_rate_does_not_fall_towards_the_last():
    def after(steps: int) -> dict:
        return to_json(TINY.with_(steps=steps, optimizer={"decay": "linear"}))

    with pytest.raises(ConfigError, match=r"^steps is 70 here and 60 in the run, which changes"):
        config_changes(RUN, after(60), after(70), ())
    assert config_changes(RUN, after(60), after(70), ["steps"]) == {"steps": (60, 70)}


def test_a_key_of_another_version_is_compared_with_none():
    old = {key: value for key, value in OLD.items() if key != "show_every"}
    assert config_changes(RUN, old, OLD, ()) == {"show_every": (None, 20)}


def test_a_section_holds_its_keys_and_no_longer_name():
    assert within("task", ["task"]) and within("task.low", ["task"])
    assert not within("tasks", ["task"]) and not within("task", ["task.low"])


def test_an_objective_a_reward_and_a_function_are_one_value():
    found = flat(to_json(TINY.with_(task=Rows("q.csv", reward="mine.py:own"))))
    assert found["optimizer.lr"] == 0.01 and found["objective"] == OLD["objective"]
    assert not [key for key in found if key.startswith(("objective.", "task.reward."))]
    assert flat({"a": {"b": {"function": "x.py:f", "n": 1}, "c": {"d": 2}}}) == {
        "a.b": {"function": "x.py:f", "n": 1},
        "a.c.d": 2,
    }


def test_a_resume_is_recorded_in_config_and_events(tmp_path):
    run = create_run(tmp_path / "r")
    here = Environment({"torch": "2"}, {"threads": 1}, {"model": "m"})
    run.write_json(
        "config.json",
        {"config": OLD, "versions": {"torch": "2"}, "machine": {"threads": 1},
         "fingerprints": {"model": "m"}},
    )  # fmt: skip
    file = (run.path / "config.json").stat().st_ino
    record_resume(run, TINY, "grpo", here, {}, 4, [])
    # What is as it was is not written again; that the run was resumed is.
    assert (run.path / "config.json").stat().st_ino == file
    more = TINY.with_(steps=99)
    record_resume(
        run, more, "grpo", here, config_changes(RUN, OLD, to_json(more), ()), 5, ["a", "b"]
    )
    assert run.config["config"]["steps"] == 99 and run.config["objective"] == "grpo"
    assert run.config["changes"] == [{"step": 5, "keys": {"steps": [60, 99]}}]
    assert [(e["kind"], e["step"], e["text"]) for e in run.events()] == [
        ("resumed", 4, ""), ("resumed", 5, "a; b"),
    ]  # fmt: skip
    run.release()
