"""Checkpoints that are damaged: found, told, and the one before taken."""

import os
import shutil
from pathlib import Path

import pytest

from paceline.run import Run
from tests.faults.harness import ADAPTERS, is_tidy, left_by
from tests.helpers.checkpoints import other_schema

FILES = ("policy.safetensors", "optimizer.safetensors", "reference.safetensors", "state.json")
STOPPED = {"stop_after": 7}
"""In the middle of the fourth round: checkpoints of steps 6 and 7."""


@pytest.fixture(scope="module")
def stopped(nursery, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("stopped") / "r"
    assert nursery.run(out, meddle=STOPPED) == 143
    assert [p.name for p in sorted((out / "checkpoints").iterdir())] == [
        "step-000006", "step-000007",
    ]  # fmt: skip
    return out


def copied(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "r"))


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """One bit, somewhere behind the middle."""
    data = bytearray(path.read_bytes())
    data[2 * len(data) // 3] ^= 4
    path.write_bytes(data)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [truncate, flip, remove])
@pytest.mark.parametrize("name", [*FILES, "MANIFEST.json", "the round"])
def test_a_damaged_file_is_found_and_the_checkpoint_before_taken(
    nursery, straight, stopped, tmp_path, name, damage
):
    out, log = copied(stopped, tmp_path), tmp_path / "log"
    damaged = out / "checkpoints" / "step-000007" / name
    if name == "the round":
        damaged = out / "rollouts" / "round-000003.parquet"
    damage(damaged)
    assert nursery.run(out, log=str(log), quiet=False) == 0
    said = log.read_text()
    assert "note: checkpoint step-000007 is put aside as step-000007.broken: " in said
    assert damaged.name in said and (out / "checkpoints" / "step-000007.broken").is_dir()
    assert "an earlier one is taken" in said and "after step 6 of 10" in said
    assert left_by(out) == straight and is_tidy(out)
    assert [event["kind"] for event in Run(out).events()].count("broken") == 1


def test_without_a_whole_one_nothing_is_touched(nursery, stopped, tmp_path):
    out, log = copied(stopped, tmp_path), tmp_path / "log"
    for folder in (out / "checkpoints").iterdir():
        flip(folder / "optimizer.safetensors")
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file() and p.name[0] != "."}
    assert nursery.run(out, log=str(log)) == 5
    said = log.read_text().strip().splitlines()[-1]
    assert said.startswith(f"paceline: No checkpoint of '{out}' is whole (step-000007: optimizer.")
    assert "step-000006: optimizer" in said and f"paceline train {out}/config.json" in said
    after = {p: p.read_bytes() for p in out.rglob("*") if p.is_file() and p.name[0] != "."}
    assert after == before


def test_a_second_fall_back_puts_a_second_one_aside(nursery, straight, stopped, tmp_path):
    out = copied(stopped, tmp_path)
    flip(out / "checkpoints" / "step-000007" / "state.json")
    assert nursery.run(out, meddle={"stop_after": 1}) == 143
    flip(out / "checkpoints" / "step-000007" / "state.json")
    assert nursery.run(out) == 0
    assert left_by(out) == straight
    names = {p.name for p in (out / "checkpoints").iterdir()}
    assert names == {"step-000007.broken", "step-000007.broken-2", "step-000010"}


def test_a_checkpoint_of_another_version_is_not_called_broken(nursery, stopped, tmp_path):
    out, log = copied(stopped, tmp_path), tmp_path / "log"
    folder = out / "checkpoints" / "step-000007"
    other_schema(folder)
    assert nursery.run(out, log=str(log)) == 5
    assert "of schema 2, and this version of paceline reads 1; resume with the version" in (
        log.read_text()
    )
    assert folder.is_dir()


def test_folders_that_a_copy_left_out_are_made(nursery, straight, tmp_path):
    out = tmp_path / "r"
    assert nursery.run(out, meddle={"die_in": 1}) == -9
    for name in ("rollouts", "checkpoints"):
        shutil.rmtree(out / name)
    assert nursery.run(out) == 0
    assert left_by(out) == straight


def test_lines_that_are_missing_are_found(nursery, straight, stopped, tmp_path):
    out, log = copied(stopped, tmp_path), tmp_path / "log"
    lines = (out / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (out / "metrics.jsonl").write_bytes(b"".join(lines[:6]))
    assert nursery.run(out, log=str(log), quiet=False) == 0
    assert "step-000007.broken: metrics.jsonl has only" in log.read_text()
    assert left_by(out) == straight


def test_checkpoints_that_are_gone_are_no_fresh_start(nursery, stopped, tmp_path):
    out, log = copied(stopped, tmp_path), tmp_path / "log"
    for folder in (out / "checkpoints").iterdir():
        shutil.rmtree(folder)
    assert nursery.run(out, log=str(log)) == 5
    assert (
        "made 7 steps and has no checkpoint to resume from (they are gone, or could not be saved)"
        in (log.read_text())
    )
    assert len(list(Run(out).metrics())) == 7


def test_a_checkpoint_of_another_run_is_no_way_on(nursery, straight, stopped, tmp_path):
    out, log = copied(stopped, tmp_path), tmp_path / "log"
    other = tmp_path / "other"
    assert nursery.run(other, meddle={"stop_after": 8}, changes={"seed": 1}) == 143
    shutil.copytree(other / "checkpoints" / "step-000008", out / "checkpoints" / "step-000008")
    assert nursery.run(out, log=str(log), quiet=False) == 0
    assert "step-000008.broken: it belongs to another run" in log.read_text()
    assert left_by(out) == straight


@pytest.mark.parametrize("needs_it", [{"reference": {"every": 0}}, ADAPTERS])
def test_a_base_model_that_was_exchanged_is_refused_where_something_needs_it(
    nursery, tmp_path, needs_it
):
    """A fixed reference is in no checkpoint, nor are the weights under adapters: they are read from
    the model's files again."""
    out, log = tmp_path / "r", tmp_path / "log"
    assert nursery.run(out, meddle=STOPPED, changes=needs_it) == 143
    assert nursery.run(out, log=str(log), meddle={"other_model": 1}) == 5
    assert "not those that the run began with" in log.read_text()
    assert nursery.run(out) == 0
