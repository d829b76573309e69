"""A run that is killed, at whatever moment and however often, ends as if it had not been.

The same weights, the same metrics lines, the same rounds on disk. `make faults` kills at every
operation on the run's files; CI at some of each kind.
"""

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import FULL, Left, Nursery, is_tidy, left_by

STRIDE = 1 if FULL else 7
MOMENTS = 100 if FULL else 8


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture(scope="module")
def straight(nursery, tmp_path_factory) -> tuple[Left, int]:
    """What the uninterrupted run leaves, and how many operations it took."""
    folder = tmp_path_factory.mktemp("straight")
    assert nursery.run(folder / "r", record=str(folder / "operations")) == 0
    return left_by(folder / "r"), len((folder / "operations").read_text().splitlines())


@pytest.mark.parametrize("power", [False, True], ids=["killed", "power-lost"])
def test_at_every_write_sync_and_rename(nursery, straight, tmp_path, power):
    expected, operations = straight
    assert operations > 100
    for number in range(STRIDE // 2, operations, STRIDE):
        out = tmp_path / str(number)
        assert nursery.run(out, die_at=number, power=power) == -signal.SIGKILL, number
        assert nursery.run(out) == 0, number
        assert left_by(out) == expected, f"operation {number}"
        assert is_tidy(out), number


def test_at_random_moments(nursery, straight, tmp_path):
    """Up to three kills, anywhere in a run, its resume included."""
    expected, _ = straight
    chosen = random.Random(20261121)
    stopped = 0
    for number in range(MOMENTS):
        out = tmp_path / str(number)
        for _ in range(3):
            stopped += nursery.killed(out, chosen.uniform(0.05, 0.9)) == -signal.SIGKILL
        assert nursery.run(out) == 0, number
        assert left_by(out) == expected, f"moment {number}"
    assert stopped > MOMENTS


def test_a_stop_after_any_step_changes_nothing(nursery, straight, tmp_path):
    """k steps and the rest equal all of them, for every k: also in the middle of a round, and with
    as many processes as steps."""
    expected, _ = straight
    for k in range(1, 10):
        out = tmp_path / str(k)
        assert nursery.run(out, meddle={"stop_at": [k]}) == 143
        assert nursery.run(out) == 0
        assert left_by(out) == expected, f"after step {k}"
    out = tmp_path / "every"
    for _ in range(1, 10):
        assert nursery.run(out, meddle={"stop_after": 1}) == 143
    assert nursery.run(out) == 0
    assert left_by(out) == expected


def test_a_finished_run_is_left_alone(nursery, straight, tmp_path):
    out = tmp_path / "r"
    assert nursery.run(out) == 0
    before = {p: p.stat().st_mtime_ns for p in Path(out).rglob("*") if p.is_file()}
    assert nursery.run(out, log=str(tmp_path / "log"), quiet=False) == 0
    after = {p: p.stat().st_mtime_ns for p in Path(out).rglob("*") if p.is_file()}
    assert {p for p in after if p.name not in (".lock", ".owner")} <= set(before)
    assert all(after[p] == before[p] for p in before if p.name not in (".lock", ".owner"))
    assert "is finished, after 10 steps: nothing is left to do" in (tmp_path / "log").read_text()
