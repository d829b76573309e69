"""The planned runs of a comparison: their names, their state, and what an existing one must be."""

import json
from pathlib import Path

import pytest

from paceline.analysis.compare.arms import Arm, arms_of
from paceline.analysis.compare.planned import planned
from paceline.config import to_json
from paceline.errors import ConfigError
from paceline.recipes import tiny
from paceline.store.places import create_run
from tests.helpers.fake_run import write_lines
from tests.helpers.records import a_step


def test_runs_are_made_seed_by_seed(tmp_path):
    arms = [Arm("grpo", tiny()), Arm("gspo low=1", tiny())]
    runs = planned(arms, [3, 4], tmp_path)
    assert [one.title for one in runs] == [
        "grpo seed 3", "gspo low=1 seed 3", "grpo seed 4", "gspo low=1 seed 4",
    ]  # fmt: skip
    last = runs[-1]
    assert last.path == tmp_path / "runs/gspo-low=1/seed-4"
    assert last.log == tmp_path / "runs/gspo-low=1/seed-4.log"
    config = last.config
    assert (config.seed, config.out, config.name) == (4, str(last.path), "tiny gspo low=1 seed 4")


def test_a_run_is_new_then_begun_then_finished(trained, tmp_path):
    [one] = planned([Arm("grpo", tiny().with_(steps=5))], [0], tmp_path)
    assert (one.state, one.steps_left, one.before) == ("new", 5, None)
    run = create_run(one.path)
    run.write_json("config.json", {"config": to_json(one.config)})
    write_lines(run.lines, [a_step(step=step) for step in (1, 2)])
    run.release()
    assert (one.state, one.steps_left) == ("begun", 3)
    done = trained[0]
    assert (done.state, done.steps_left) == ("finished", 0)
    assert done.before is not None and done.before.n == 5


def test_another_update_leaves_the_start_and_the_first_round_as_they_are():
    arms = arms_of(tiny(), {}, {"optimizer.lr": [1e-3, 1e-2]})
    one, other = planned(arms, [0], Path("x"))
    assert one.start == other.start and one.first_round == other.first_round
    first, second = planned(arms[:1], [0, 1], Path("x"))
    assert first.start != second.start


def test_other_sampling_is_another_first_round_and_the_same_start():
    arms = arms_of(tiny(), {}, {"rollouts.temperature": [0.8, 1.0]})
    one, other = planned(arms, [0], Path("x"))
    assert one.start == other.start and one.first_round != other.first_round


def test_what_a_run_read_is_compared(tmp_path):
    [one] = planned([Arm("grpo", tiny())], [0], tmp_path)
    run = create_run(one.path)
    run.release()
    read = {"problems": "1", "test": "2", "tokenizer": "3", "model": "4", "code": "5"}
    data = {
        "config": to_json(one.config), "fingerprints": read, "versions": {},
        "machine": {"dtype": "float32"},
    }  # fmt: skip

    def said(data, **others):
        run.write_json("config.json", data)
        try:
            one.check(read | others, "float32")
        except ConfigError as error:
            return str(error)
        return None

    assert said(data) is None
    assert "another verifier" in (said(data, test="0") or "")
    assert "another model" in (said(data, model="0") or "")
    assert "other code of yours" in (said(data, code="0") or "")

    def changed(step, **entry):
        return data | {"changes": [{"step": step, "keys": {}, **entry}]}

    # An earlier version did not know it: no change. One that it knew is one.
    assert said(changed(8, fingerprints={"model": [None, "4"]})) is None
    assert "was resumed with another model" in (
        said(changed(8, fingerprints={"model": ["0", "4"]})) or ""
    )
    # What began again, with another rate, is the run that has it from the start.
    other = {"keys": {"optimizer.lr": [1e-3, 1e-2]}}
    assert "was resumed with optimizer.lr" in (said(changed(8, **other)) or "")
    assert said(changed(0, **other)) is None


def test_a_run_of_another_config_or_dtype_is_refused(tmp_path):
    [one] = planned([Arm("grpo", tiny())], [0], tmp_path)
    one.check({}, "float32")  # nothing is there
    run = create_run(one.path)
    run.release()
    same = one.config.with_(
        save_every=7, tokens_per_forward=99, rewards={"workers": 3}
    )  # these change no figure
    data = {"config": to_json(same), "fingerprints": {}, "versions": {},
            "machine": {"dtype": "float32"}}  # fmt: skip
    run.write_json("config.json", data)
    one.check({}, "float32")
    with pytest.raises(ConfigError, match="is a run in float32, and this machine would make it in"):
        one.check({}, "bfloat16")
    run.write_json("config.json", data | {"config": to_json(same.with_(steps=7))})
    with pytest.raises(ConfigError, match="a run with steps=7, and this comparison would have 60;"):
        one.check({}, "float32")


def test_a_long_value_is_shortened_in_the_sentence(tmp_path):
    [one] = planned([Arm("grpo", tiny())], [0], tmp_path)
    run = create_run(one.path)
    run.release()
    data = json.loads(json.dumps(to_json(one.config)))
    data["model"]["path"] = "m" * 99
    run.write_json("config.json", {"config": data, "machine": {"dtype": "float32"}})
    with pytest.raises(ConfigError, match=r"with model.path=\"m{59} …, and this"):
        one.check({}, "float32")
