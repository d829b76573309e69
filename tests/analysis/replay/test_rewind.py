"""A trainer brought back to an earlier step, and its differences from the run."""

import json
import shutil
from dataclasses import replace as changed

import pytest
import torch
from safetensors.torch import load_file

from paceline.analysis.replay import replay
from paceline.analysis.replay.rewind import differences, redo, stored_round, take_up, trainer_for
from paceline.analysis.replay.route import route_to
from paceline.config import objective_from
from paceline.errors import CheckpointError, ConfigError, DataError
from paceline.objective import named
from paceline.preflight.load import load
from paceline.run import Run
from paceline.training import Stream
from tests.helpers.records import a_step
from tests.helpers.replays import config_for, line_of, made
from tests.helpers.runs import OWN_SURROGATE


def test_weights_moments_and_a_reference_that_follows_come_out_bit_for_bit(tmp_path):
    options = {"objective": named.grpo(kl=0.1), "reference": {"alpha": 0.5, "every": 2}}
    run = made(tmp_path / "r", **options)
    for begin in (0, 3):
        route = route_to(run, 7)
        route = route if begin else changed(route, found=None)
        trainer = trainer_for(route, load(route.config, reward=False), reference=False)
        take_up(route, trainer)
        assert trainer.steps == begin
        redo(route, trainer, 6)
        kept = run.checkpoints / "step-000006"
        for name, here in (
            ("policy", trainer.policy.exact_parameters()),
            ("optimizer", trainer.learner.optimizer.moments()),
            ("reference", trainer.reference.exact_parameters()),
        ):
            there = load_file(kept / f"{name}.safetensors")
            assert there.keys() == here.keys()
            assert all(torch.equal(there[key], here[key]) for key in there)


def test_steps_are_redone_up_to_a_number_and_told_before_each(run):
    route = route_to(run, 8)
    trainer = trainer_for(route, load(route.config, reward=False), reference=False)
    assert trainer.reference is None
    take_up(route, trainer)
    told = list[int]()
    norms = redo(route, trainer, 5, told.append)
    assert told == [4, 5] and trainer.steps == 5
    assert norms == {step: line_of(run, step)["grad_norm"] for step in (4, 5)}
    assert redo(route, trainer, 5) == {}


def test_a_reference_is_given_where_other_objectives_need_one(run):
    route = route_to(run, 2)
    trainer = trainer_for(route, load(route.config, reward=False), reference=True)
    assert trainer.reference is not None and not trainer.loss.needs_reference


def test_the_limit_of_a_pack_follows_the_steps_on_the_way(run):
    route = changed(route_to(run, 3), packs={0: 300, 2: 200}, found=None)
    trainer = trainer_for(route, load(route.config, reward=False), reference=False)
    redo(route, trainer, 1)
    assert trainer.learner.tokens_per_forward == 300
    redo(route, trainer, 2)
    assert trainer.learner.tokens_per_forward == 200


def test_the_difference_of_norms_is_relative_to_the_runs():
    lines = {i: a_step(step=i, grad_norm=norm) for i, norm in enumerate([2.0, 2.0, None, 0.0, 2.0])}
    here = {0: 2.0, 1: 2.5, 2: None, 3: 1.0, 4: None}
    # |2.5 − 2| / 2 = 0.25; with one norm alone there is no measure.
    assert differences(here, lines) == {
        0: 0.0, 1: 0.25, 2: 0.0, 3: float("inf"), 4: float("inf"),
    }  # fmt: skip


def test_a_difference_to_the_run_is_found_at_its_step(copy):
    lines = [json.loads(text) for text in (copy / "metrics.jsonl").read_text().splitlines()]
    lines[1]["grad_norm"] *= 1 + 1e-6
    (copy / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shutil.rmtree(copy / "checkpoints")
    redone = replay(copy, 3, ["grpo"]).redone
    assert redone.difference == pytest.approx(1e-6, rel=1e-3) and redone.at == 2


def test_a_stored_round_is_as_it_was_sampled(run):
    stream = Stream(load(config_for(run.path), reward=False).task.train, 0)
    found = stored_round(run, 1, stream.at)
    assert found.index == 1 and len(found.groups) == 8 and len(found.rollouts) == 8 * 16
    assert found.anchor is found.ref is None


def test_a_round_that_cannot_be_read_is_named(copy):
    (copy / "rollouts" / "round-000002.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(DataError, match=r"round-000002.parquet' cannot be read \(Arrow"):
        stored_round(Run(copy), 2, lambda position: pytest.fail("asked"))


def test_a_round_of_problems_that_are_no_more_is_named(run):
    with pytest.raises(DataError, match=r"round-000001.parquet' cannot be read \(IndexError"):
        stored_round(run, 1, ().__getitem__)


def test_a_checkpoint_that_does_not_fit_is_named(run):
    route = route_to(run, 8)
    # Another seed draws other problems than the round in use at step 3 asked.
    other = load(route.config.with_(seed=1), reward=False)
    said = r"from '.*step-000003': cannot read its round: .*; start the run again with `"
    with pytest.raises(CheckpointError, match=said):
        take_up(route, trainer_for(route, other, reference=False))


def test_problems_or_a_tokenizer_that_changed(copy):
    config = json.loads((copy / "config.json").read_text())
    for what, error, said in (
        ("problems", DataError, "problems of the task, .* are not those of the run"),
        ("tokenizer", ConfigError, "tokenizer and chat template are not those of the run"),
    ):
        other = config | {"fingerprints": {**config["fingerprints"], what: "0"}}
        (copy / "config.json").write_text(json.dumps(other))
        with pytest.raises(error, match=said):
            replay(copy, 3)


def test_an_edited_file_and_other_versions_on_the_way_are_told(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(OWN_SURROGATE)
    run = made(tmp_path / "r", objective=objective_from(f"{mine}:mine"), steps=4, save_every=0)
    config = run.config
    here = config["versions"]
    config["versions"], then = {**here, "torch": "0.9"}, {**here, "torch": "1.0"}
    config["changes"] = [
        {"step": 1, "keys": {}, "versions": then},
        {"step": 2, "keys": {}, "versions": here},
    ]
    run.write_json("config.json", config)
    mine.write_text(mine.read_text() + "# another\n")
    file = f"{mine}, by its hash, was "
    for step, torches in ((4, ["0.9", "1.0"]), (2, ["0.9", "1.0"]), (1, ["0.9"])):
        notes = replay(run.path, step, ["gspo"]).redone.notes
        assert [n.split()[2] for n in notes if n.startswith("torch was ")] == torches
        assert sum(n.startswith(file) for n in notes) == 1 and len(notes) == len(torches) + 1


def test_the_reference_of_others_is_told_where_the_run_has_none(tmp_path):
    run = made(tmp_path / "r", steps=5, reference={"every": 2})
    whose = "The reference of grpo(kl=0.1) is"
    assert not replay(run.path, 5, ["gspo"]).redone.notes
    (follows,) = replay(run.path, 5, ["grpo(kl=0.1)"]).redone.notes
    assert follows.startswith(f"{whose} the model that the run began with, although")
    # Had it begun with other weights: from its checkpoint on only the reference is another.
    config = run.config
    config["fingerprints"]["model"] = "0"
    run.write_json("config.json", config)
    assert not replay(run.path, 5, ["gspo"]).redone.notes
    _, files = replay(run.path, 5, ["grpo(kl=0.1)"]).redone.notes
    assert files == f"{whose} read from the model's files, which are not as they were."
    with pytest.raises(ConfigError, match="files are not those of the run"):
        replay(run.path, 2, ["gspo"])
