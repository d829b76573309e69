"""A run that is killed, at whatever moment and however often, ends as if it had not been.

The same weights, the same metrics lines, the same rounds on disk. `make faults` kills at every
operation on the run's files; CI at some of each kind.
"""

import random
import signal
from pathlib import Path

import pytest

from paceline.run import Run
from tests.faults.harness import ADAPTERS, FULL, is_tidy, left_by
from tests.faults.nursery import STAGES

STRIDE = 1 if FULL else 7
SPARSE_STRIDE = 1 if FULL else 23
STEPS_APART = 1 if FULL else 3
MOMENTS = 100 if FULL else 8


@pytest.mark.parametrize("power", [False, True], ids=["killed", "power-lost"])
def test_at_every_write_sync_and_rename(nursery, uninterrupted, tmp_path, power):
    expected, operations = uninterrupted
    assert operations > 100
    for number in range(STRIDE // 2, operations, STRIDE):
        out = tmp_path / str(number)
        assert nursery.run(out, die_at=number, power=power) == -signal.SIGKILL, number
        assert nursery.run(out) == 0, number
        assert left_by(out) == expected, f"operation {number}"
        assert is_tidy(out), number
        # What has a checkpoint's name is whole, even after a loss of power.
        assert "broken" not in kinds(out), number


def test_adapters_at_every_write_sync_and_rename(nursery, tmp_path):
    out, record = tmp_path / "r", tmp_path / "operations"
    assert nursery.run(out, changes=ADAPTERS, record=str(record)) == 0
    expected, operations = left_by(out), len(record.read_text().splitlines())
    assert len(expected.weights) == 2  # those of model/ and of adapter/
    for number in range(SPARSE_STRIDE // 2, operations, SPARSE_STRIDE):
        out = tmp_path / str(number)
        assert nursery.run(out, changes=ADAPTERS, die_at=number) == -signal.SIGKILL, number
        assert nursery.run(out, changes=ADAPTERS) == 0, number
        assert left_by(out) == expected, f"operation {number}"
        assert is_tidy(out), number


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_stopped_after_any_step_leaves_the_same_bytes(nursery, tmp_path, stage):
    out = tmp_path / "straight"
    assert nursery.run(out, stage=stage) == 0
    expected = left_by(out)
    for k in range(1, STAGES[stage]["steps"], STEPS_APART):
        out = tmp_path / str(k)
        assert nursery.run(out, stage=stage, meddle={"stop_at": [k]}) == 143
        assert nursery.run(out, stage=stage) == 0
        assert left_by(out) == expected, f"after step {k}"


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_at_every_write_sync_and_rename(nursery, tmp_path, stage):
    out, record = tmp_path / "r", tmp_path / "operations"
    assert nursery.run(out, stage=stage, record=str(record)) == 0
    expected, operations = left_by(out), len(record.read_text().splitlines())
    for number in range(SPARSE_STRIDE // 2, operations, SPARSE_STRIDE):
        out = tmp_path / str(number)
        assert nursery.run(out, stage=stage, die_at=number) == -signal.SIGKILL, number
        assert nursery.run(out, stage=stage) == 0, number
        assert left_by(out) == expected, f"operation {number}"
        assert is_tidy(out), number


def test_the_sweep_sees_what_is_not_synced(nursery, tmp_path):
    """A run that syncs nothing does leave broken checkpoints when the power goes."""
    broken = 0
    for number in range(20, 70, 6):
        out = tmp_path / str(number)
        nursery.run(out, die_at=number, power=True, meddle={"no_sync": True})
        broken += nursery.run(out) == 5 or "broken" in kinds(out)
    assert broken


def kinds(out: Path) -> list[str]:
    """Of what happened to a run."""
    return [event["kind"] for event in Run(out).events()] if out.exists() else []


def test_at_random_moments(nursery, straight, tmp_path):
    """Up to three kills, anywhere in a run, its resume included."""
    chosen = random.Random(20261121)
    stopped = 0
    for number in range(MOMENTS):
        out = tmp_path / str(number)
        for _ in range(3):
            stopped += (
                nursery.killed(out, chosen.randrange(11), chosen.uniform(0.0, 2.0))
                == -signal.SIGKILL
            )
        assert nursery.run(out) == 0, number
        assert left_by(out) == straight, f"moment {number}"
    assert stopped >= MOMENTS // 2


def test_a_stop_after_any_step_changes_nothing(nursery, straight, tmp_path):
    """k steps and the rest equal all of them, for every k: also in the middle of a round, and with
    as many processes as steps."""
    for k in range(1, 10):
        out = tmp_path / str(k)
        assert nursery.run(out, meddle={"stop_at": [k]}) == 143
        assert nursery.run(out) == 0
        assert left_by(out) == straight, f"after step {k}"
    out = tmp_path / "every"
    for _ in range(1, 10):
        assert nursery.run(out, meddle={"stop_after": 1}) == 143
    assert nursery.run(out) == 0
    assert left_by(out) == straight


def test_what_a_checkpoint_is_written_from_does_not_change_meanwhile(nursery, straight, tmp_path):
    """The disk is slow, so that the next step would overtake the writing if it did not wait."""
    out = tmp_path / "r"
    meddle = {"slow_disk": 0.2, "die_in": 5}
    assert nursery.run(out, meddle=meddle) == -signal.SIGKILL
    assert [p.name for p in (out / "checkpoints").iterdir()] == ["step-000003"]
    assert nursery.run(out) == 0
    assert left_by(out) == straight


def test_a_finished_run_is_left_alone(nursery, tmp_path):
    out = tmp_path / "r"
    assert nursery.run(out) == 0
    before = {p: p.stat().st_mtime_ns for p in Path(out).rglob("*") if p.is_file()}
    assert nursery.run(out, log=str(tmp_path / "log"), quiet=False) == 0
    after = {p: p.stat().st_mtime_ns for p in Path(out).rglob("*") if p.is_file()}
    assert {p for p in after if p.name not in (".lock", ".owner")} <= set(before)
    assert all(after[p] == before[p] for p in before if p.name not in (".lock", ".owner"))
    assert "is finished, after 10 steps: nothing is left to do" in (tmp_path / "log").read_text()
