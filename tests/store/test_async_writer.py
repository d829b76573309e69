"""Checkpoints that are written beside the training: kept, pruned, refused, told."""

import shutil
from collections import namedtuple
from types import SimpleNamespace

import pytest
import torch

from paceline.errors import CheckpointError
from paceline.objective import named
from paceline.store import checkpoint
from paceline.store.async_writer import Saver
from paceline.store.checkpoint import State
from tests.helpers.trainers import trainer_of

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def made(tmp_path):
    """A trainer, a saver of its checkpoints, and what the saver tells."""
    trainer, told = trainer_of(), []
    lines = tmp_path / "metrics.jsonl"
    lines.touch()
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    return SimpleNamespace(
        trainer=trainer, told=told, folder=folder, lines=lines,
        saver=Saver(folder, "run", 2, lines, told.append),
    )  # fmt: skip


def begin(made) -> None:
    """Save the trainer as it stands, between two rounds."""
    tensors, numbers = checkpoint.split(made.trainer.state_dict())
    state = State(trainer=numbers, metrics_bytes=0, round=None, line=None, seconds=0.0, fixed=None)
    made.saver.begin(state, tensors, made.trainer.fixed())


def step_and_save(made, count=1):
    for _ in range(count):
        made.saver.settle()
        made.trainer.step()
        begin(made)
    made.saver.settle()


def names(made):
    return sorted(path.name for path in made.folder.iterdir())


def test_the_newest_stay_and_at_the_end_one(made):
    step_and_save(made, 4)
    assert names(made) == ["step-000003", "step-000004"]
    (made.folder / "step-000009.broken").mkdir()  # put aside at a resume, for its owner to look at
    step_and_save(made)
    assert names(made) == ["step-000004", "step-000005", "step-000009.broken"]
    made.saver.finish()
    assert names(made) == ["step-000005", "step-000009.broken"] and made.told == []


def test_older_ones_that_cannot_be_removed_are_told(made, monkeypatch):
    def refuses(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refuses)
    step_and_save(made, 3)
    assert made.told == ["older checkpoints could not be removed (Permission denied)"]
    assert made.saver.newest.name == "step-000003"


def test_older_ones_that_cannot_be_removed_at_the_end_do_not_break_it(made, monkeypatch):
    step_and_save(made, 2)

    def refuses(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refuses)
    made.saver.finish()
    assert made.told == ["older checkpoints could not be removed (Permission denied)"]


def test_all_of_them_stay_where_that_is_wanted(made):
    made.saver.keep = 0
    step_and_save(made, 4)
    made.saver.finish()
    assert len(names(made)) == 4


def test_at_the_end_a_damaged_last_one_costs_no_other(made):
    step_and_save(made, 2)
    (made.folder / "step-000002" / "state.json").write_text("{}")
    made.saver.finish()
    (told,) = made.told
    assert told.startswith("'step-000002' is not whole (state.json has 2 bytes")
    assert told.endswith("; older ones are kept")
    assert names(made) == ["step-000001", "step-000002"]


def test_weights_that_are_not_finite_are_never_saved(made):
    step_and_save(made)
    made.trainer.step()
    with torch.no_grad():
        next(made.trainer.policy.module.parameters()).view(-1)[3] = float("nan")
    begin(made)
    made.saver.settle()
    assert names(made) == ["step-000001"]
    assert made.told == [
        "the checkpoint could not be saved (weights or moments are not finite); 'step-000001' is "
        "still there"
    ]


def test_without_room_nothing_is_begun(made, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 1000))
    step_and_save(made)
    assert names(made) == [] and "there is none yet" in made.told[0]
    assert "it needs 1 MB, and 0 MB are free" in made.told[0]
    monkeypatch.undo()
    step_and_save(made)
    assert names(made) == ["step-000002"]


def test_a_step_that_is_saved_already_is_not_saved_again(made):
    step_and_save(made)
    before = (made.folder / "step-000001" / "MANIFEST.json").stat().st_mtime_ns
    begin(made)
    made.saver.settle()
    assert (made.folder / "step-000001" / "MANIFEST.json").stat().st_mtime_ns == before
    assert made.told == []


def test_a_mistake_of_ours_is_not_hidden(made, monkeypatch):
    def wrong(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(checkpoint, "write", wrong)
    made.trainer.step()
    begin(made)
    with pytest.raises(ZeroDivisionError):
        made.saver.settle()


def test_a_fixed_reference_must_be_what_it_was(tmp_path, made):
    trainer = trainer_of(named.grpo(kl=0.1))
    made.trainer, saver = trainer, made.saver
    step_and_save(made)
    kept = checkpoint.verify(saver.newest, "run")
    assert kept.fixed is not None
    saver.check_fixed(trainer_of(named.grpo(kl=0.1)).fixed(), kept)
    with torch.no_grad():
        next(trainer.reference.frozen.module.parameters()).view(-1)[0] += 1
    with pytest.raises(CheckpointError, match="not those that the run began with"):
        saver.check_fixed(trainer.fixed(), kept)
    follows = trainer_of(named.grpo(kl=0.1), every=1)
    saver.check_fixed(follows.fixed(), kept)  # it is in the checkpoint
