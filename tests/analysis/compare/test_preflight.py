"""Checks of all runs of a comparison before the first starts."""

import json

import pytest

from paceline.analysis.compare.arms import arms_of
from paceline.analysis.compare.planned import planned
from paceline.analysis.compare.preflight import check_all
from paceline.config import labelled, to_json
from paceline.errors import ConfigError
from paceline.objective import Gae, Objective, named
from paceline.preflight.resources import Resources
from paceline.recipes import tiny
from paceline.store.places import create_run
from paceline.tasks import Rows
from tests.helpers.runs import OWN_SURROGATE


def runs_of(folder, objectives, seeds=(0,), **changes):
    config = tiny().with_(**{"steps": 4, "evaluation.problems": 5, **changes})
    return planned(arms_of(config, labelled(objectives), {}), seeds, folder)


def checked(runs, folder, jobs=1):
    return check_all(runs, folder, jobs)


def test_a_whole_check_serves_all_that_differ_in_their_update_alone(tmp_path):
    found = checked(runs_of(tmp_path, ["grpo", "gspo", "grpo(kl=0.1)"]), tmp_path)
    assert list(found) == ["grpo", "gspo", "grpo(kl=0.1)"]
    assert found["grpo"] is found["gspo"]
    # With a reference more memory is needed.
    assert found["grpo(kl=0.1)"].estimate.memory.total > found["grpo"].estimate.memory.total


def test_with_a_critic_it_is_another_check(tmp_path):
    critic = {"grpo": named.grpo(), "critic": Objective(advantage=Gae(1.0, 0.95))}
    found = checked(runs_of(tmp_path, critic), tmp_path)
    assert found["critic"].estimate.memory.critic > found["grpo"].estimate.memory.critic == 0


def test_a_reward_of_this_session_alone_is_refused(tmp_path):
    rows = tmp_path / "rows.jsonl"
    data = [{"prompt": f"say {i}", "answer": str(i)} for i in range(20)]
    rows.write_text("".join(json.dumps(row) + "\n" for row in data))

    def mine(problem, completion):
        return 0.0

    task = Rows(str(rows), reward=mine, heldout=5)
    runs = runs_of(tmp_path / "x", ["grpo", "gspo"], task=task, rewards={"workers": 0})
    with pytest.raises(ConfigError, match="'mine' was written in this Python session, and a comp"):
        checked(runs, tmp_path / "x")


def test_groups_of_one_are_refused_for_each_objective_that_compares_within_groups(tmp_path):
    one = {"completions": 1, "problems": 8}
    checked(runs_of(tmp_path / "x", ["reinforce", "reinforce_pp"], rollouts=one), tmp_path / "x")
    runs = runs_of(tmp_path / "y", ["reinforce", "grpo"], rollouts=one)
    with pytest.raises(ConfigError, match=r"completions is 1, and ZScore\(.*compares the"):
        checked(runs, tmp_path / "y")


def test_an_objective_whose_file_is_gone_cannot_be_handed_on(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(OWN_SURROGATE)
    runs = runs_of(tmp_path / "x", ["grpo", f"{mine}:mine"])
    mine.unlink()
    with pytest.raises(ConfigError, match="'mine' cannot be handed to a process of its own: "):
        checked(runs, tmp_path / "x")


def test_an_objective_that_comes_back_as_another_is_refused(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(OWN_SURROGATE)
    runs = runs_of(tmp_path / "x", ["grpo", f"{mine}:mine"])
    mine.write_text(OWN_SURROGATE.replace("def plain", "plain = o.Plain()\n\ndef other"))
    with pytest.raises(ConfigError, match="read back from its record it is another"):
        checked(runs, tmp_path / "x")


def test_runs_that_are_there_have_to_be_the_planned_ones(tmp_path):
    runs = runs_of(tmp_path, ["grpo", "gspo"])
    run = create_run(runs[1].path)
    data = {"config": to_json(runs[1].config.with_(steps=8)), "machine": {"dtype": "float32"}}
    run.write_json("config.json", data)
    run.release()
    with pytest.raises(
        ConfigError, match="is a run with steps=8, and this comparison would have 4"
    ):
        checked(runs, tmp_path)


def test_all_runs_together_have_to_fit_on_the_disk(tmp_path, monkeypatch):
    runs = runs_of(tmp_path, ["grpo", "gspo"], seeds=(0, 1))
    disk = checked(runs, tmp_path)["grpo"].estimate.disk
    # Four models and all rounds, but the checkpoints of two runs at a time alone.
    needs = 4 * (disk.model + disk.rollouts) + 2 * disk.checkpoints

    def free(bytes):
        room = Resources(1 << 40, 1 << 40, bytes, str(tmp_path), 0)
        monkeypatch.setattr(Resources, "of", lambda device, path: room)

    free(needs)
    checked(runs, tmp_path, jobs=2)
    free(needs - 1)
    with pytest.raises(ConfigError, match=r"The run may write .* and .* are free in"):
        checked(runs, tmp_path, jobs=2)
    checked(runs, tmp_path, jobs=1)
