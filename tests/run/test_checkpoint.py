"""Plain checkpoints: a run taken up again ends where the uninterrupted one does."""

import pytest
import torch

from paceline.errors import CheckpointError
from paceline.objective import named
from paceline.run.checkpoint import load_checkpoint, save_checkpoint
from tests.training.test_trainer import trainer_of, weights


def made(dtype=None):
    return trainer_of(named.grpo(kl=0.05), alpha=0.5, every=1)


def test_straight_on_equals_saved_and_loaded_bit_for_bit(tmp_path):
    straight, saved = made(), made()
    for _ in range(4):
        straight.step()
    for _ in range(2):
        saved.step()
    folder = save_checkpoint(tmp_path, saved)
    resumed = made()
    load_checkpoint(folder, resumed)
    for _ in range(2):
        resumed.step()
    assert all(torch.equal(a, b) for a, b in zip(weights(straight), weights(resumed), strict=True))
    pairs = zip(
        straight.reference.frozen.module.parameters(),
        resumed.reference.frozen.module.parameters(),
        strict=True,
    )
    assert all(torch.equal(a, b) for a, b in pairs)
    assert resumed.steps == 4 and resumed.sampler.draw == straight.sampler.draw


def test_a_checkpoint_that_is_not_whole_is_refused(tmp_path):
    trainer = made()
    trainer.step()
    folder = save_checkpoint(tmp_path, trainer)
    whole = (folder / "optimizer.safetensors").read_bytes()
    for broken in (whole[: len(whole) // 2], b"", None):
        (folder / "optimizer.safetensors").unlink()
        if broken is not None:
            (folder / "optimizer.safetensors").write_bytes(broken)
        with pytest.raises(CheckpointError, match="not whole"):
            load_checkpoint(folder, made())
