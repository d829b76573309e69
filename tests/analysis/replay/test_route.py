"""The route back to a step: its checkpoint, its config, its rounds."""

import json
import shutil

import pytest

from paceline.analysis.replay import Redone, replay
from paceline.analysis.replay.route import route_to
from paceline.cli import main
from paceline.errors import ConfigError, DataError
from paceline.run import Run, resume
from paceline.store.description import RunDescription
from tests.helpers.replays import config_for, made


@pytest.mark.parametrize(
    ("step", "begin", "first"), [(1, 0, 1), (4, 0, 1), (5, 3, 5), (8, 3, 5), (12, 6, 9)]
)
def test_the_checkpoint_is_the_last_one_before_the_steps_round(run, step, begin, first):
    # Parts of a round are 1–4, 5–8, 9–12; checkpoints are those of steps 3, 6, 9 and 12.
    route = route_to(run, step)
    assert (route.begin, route.first, route.redone) == (begin, first, range(begin + 1, step))
    assert route.notes == () and route.config.optimizer.lr == 0.004


def test_the_time_of_a_route_is_that_of_the_updates_alone(copy):
    phases = {"sample": 40.0, "verify": 5.0, "score": 1.0, "update": 2.0, "optimize": 0.5}
    lines = [json.loads(line) for line in (copy / "metrics.jsonl").read_text().splitlines()]
    told = (json.dumps({**line, "phases": phases, "seconds": 48.5}) for line in lines)
    (copy / "metrics.jsonl").write_text("".join(f"{line}\n" for line in told))
    # From the checkpoint of step 3 to the beginning of step 5, step 4 is redone.
    assert route_to(Run(copy), 5).seconds == 3.5 and route_to(Run(copy), 1).seconds == 0


def test_a_line_that_is_missing_on_the_way_is_named(copy):
    lines = (copy / "metrics.jsonl").read_text().splitlines(keepends=True)
    (copy / "metrics.jsonl").write_text("".join(lines[:1] + lines[2:]))
    with pytest.raises(DataError, match="The line of step 2 is missing in"):
        route_to(Run(copy), 4)
    assert route_to(Run(copy), 5).begin == 3


def test_a_step_that_is_not_there(run, tmp_path):
    for step in (0, 13, -1):
        with pytest.raises(ConfigError, match=f"has the steps 1 to 12, and no step {step}"):
            replay(run.path, step)
    with pytest.raises(ConfigError, match="not a run directory"):
        replay(tmp_path, 1)
    (tmp_path / "config.json").write_text('{"config": {}}')
    with pytest.raises(ConfigError, match="has no step yet"):
        replay(tmp_path, 1)


def test_rounds_that_are_not_there(copy):
    (copy / "rollouts" / "round-000000.parquet").unlink()
    with pytest.raises(DataError, match=r"Round 0 of .* is not on disk"):
        replay(copy, 3)
    with pytest.raises(DataError, match=r"Round 0 of .* is not on disk"):
        replay(copy, 8)  # from the checkpoint of step 3, in the middle of round 0
    assert replay(copy, 10, ["grpo"]).redone.begin == 6
    (copy / "rollouts" / "round-000002.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(DataError, match=r"round-000002.parquet' cannot be read"):
        replay(copy, 10)
    shutil.rmtree(copy / "rollouts")
    with pytest.raises(DataError, match="has no rounds on disk, and a replay redoes"):
        replay(copy, 10)


def test_a_run_of_an_old_version(copy):
    config = json.loads((copy / "config.json").read_text())
    del config["id"]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="made by a version of paceline that could not resume"):
        replay(copy, 3)


def test_a_checkpoint_that_is_not_whole_is_left_and_an_earlier_one_taken(copy, capsys):
    path = copy / "checkpoints" / "step-000006" / "policy.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = replay(copy, 12, ["grpo"])
    assert found.redone == Redone(3, 8, 0.0, found.redone.at)
    assert main(["replay", str(copy), "--step", "12", "--objective", "grpo"]) == 0
    said = capsys.readouterr().out
    assert "note: step-000006 is not taken: policy.safetensors has other bytes" in said


# Changes of the config


def test_a_change_at_a_resume_counts_from_its_step(tmp_path):
    options = {"steps": 4, "schedule": {"minibatches": 2}, "save_every": 2}
    made(tmp_path / "r", **options)
    config = config_for(tmp_path / "r", **(options | {"steps": 8}), optimizer={"lr": 0.003})
    run = resume(tmp_path / "r", config, named=["optimizer.lr"], quiet=True)
    for step, begin in ((4, 2), (8, 6)):
        found = replay(run.path, step, ["gspo"])
        assert found.redone.begin == begin and found.redone.difference == 0
    for folder in run.checkpoints.iterdir():
        shutil.rmtree(folder)
    assert replay(run.path, 4, ["gspo"]).redone == Redone(0, 3, 0.0, 1)
    told = r"another optimizer.lr after step 4\. A replay that begins at step 0 reaches"
    with pytest.raises(ConfigError, match=told):
        replay(run.path, 8, ["gspo"])


def test_a_change_counts_from_the_checkpoint_that_a_run_fell_back_to(tmp_path):
    options = {"steps": 4, "schedule": {"minibatches": 2}, "save_every": 2}
    run = made(tmp_path / "r", **options)
    config = config_for(run.path, **(options | {"steps": 6}), optimizer={"lr": 0.003})
    resume(run.path, config, named=["optimizer.lr"], quiet=True)
    for step in (4, 6):
        (run.checkpoints / f"step-00000{step}" / "policy.safetensors").write_bytes(b"broken")
    resume(run.path, config.with_(steps=8), quiet=True)  # from step 2
    assert [change["step"] for change in run.config["changes"]] == [2, 2]
    assert [line["lr"] for line in run.metrics()] == [0.004] * 2 + [0.003] * 6
    assert replay(run.path, 4, ["gspo"]).redone == Redone(2, 1, 0.0, 3)


def test_another_limit_of_the_packs_counts_from_its_step(tmp_path):
    options = {"steps": 3, "schedule": {"minibatches": 2}, "save_every": 1}
    made(tmp_path / "r", **options, tokens_per_forward=200)
    config = config_for(tmp_path / "r", **(options | {"steps": 6}))
    run = resume(tmp_path / "r", config.with_(tokens_per_forward=64), quiet=True)
    for step, begin in ((4, 2), (6, 4)):  # step 3 was before it, in the same round as step 4
        assert replay(run.path, step, ["gspo"]).redone == Redone(begin, 1, 0.0, step - 1)
    shutil.rmtree(run.checkpoints)
    found = replay(run.path, 6, ["gspo"])
    assert found.redone.steps == 5 and found.redone.difference == 0


def test_a_section_that_is_there_no_longer_is_taken_back_too():
    changes = [{"step": 4, "keys": {"task.rows.path": ["a.jsonl", None], "steps": [4, 8]}}]
    data = {"config": {"steps": 8, "task": {"name": "demo", "rows": None}}, "changes": changes}
    assert RunDescription.from_json(data).config_at(4) == {
        "steps": 4,
        "task": {"name": "demo", "rows": {"path": "a.jsonl"}},
    }
    del data["config"]["task"]
    assert RunDescription.from_json(data).config_at(3)["task"] == {"rows": {"path": "a.jsonl"}}
    assert RunDescription.from_json(data).config_at(5) == {"steps": 8}


def test_steps_before_another_task_are_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    config["changes"] = [{"step": 4, "keys": {"task.high": [3, 4]}}]
    (copy / "config.json").write_text(json.dumps(config))
    for step in (3, 4):
        said = f"with another task after step 4, .* problems of step {step}"
        with pytest.raises(ConfigError, match=said):
            route_to(Run(copy), step)
    assert replay(copy, 12, ["grpo"]).redone.difference == 0
