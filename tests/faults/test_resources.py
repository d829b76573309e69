"""Disks that are full, memory that runs out, numbers that are not finite."""

import os
import shutil
import subprocess

import pytest
import torch
from safetensors.torch import load_file

from paceline.config import Config
from paceline.run import Run, resume
from paceline.run.continuation import config_of
from tests.faults.harness import is_tidy, left_by


def test_a_checkpoint_that_does_not_fit_is_told_and_training_goes_on(nursery, straight, tmp_path):
    out, log = tmp_path / "r", tmp_path / "log"
    meddle = {"full": ["optimizer.safetensors"]}
    assert nursery.run(out, log=str(log), quiet=False, meddle=meddle) == 0
    said = log.read_text()
    assert "note: the checkpoint could not be saved (No space left on device); there is none" in (
        said
    )
    assert left_by(out) == straight and is_tidy(out)
    assert Run(out).summary["counters"]["checkpoints_failed"] == 4


def test_a_failed_save_keeps_the_one_before(nursery, straight, tmp_path):
    out, log = tmp_path / "r", tmp_path / "log"
    meddle = {"full": ["step-000006"], "stop_after": 7}
    changes = {"save_every": 3}
    # The save at step 6 fails, the one for the signal at step 7 does not.
    assert nursery.run(out, log=str(log), quiet=False, meddle=meddle, changes=changes) == 143
    assert "'step-000003' is still there" in log.read_text()
    assert sorted(p.name for p in (out / "checkpoints").iterdir()) == ["step-000003", "step-000007"]
    assert nursery.run(out) == 0
    assert left_by(out) == straight


@pytest.mark.parametrize("name", ["metrics.jsonl", "round-000003.parquet", "summary.json"])
def test_a_disk_without_room_for_the_run_itself_stops_it(nursery, straight, tmp_path, name):
    out, log = tmp_path / "r", tmp_path / "log"
    code = nursery.run(out, log=str(log), meddle={"full": [name]})
    said = log.read_text().strip().splitlines()[-1]
    assert code == 5 and f"The disk that holds '{out}' is full (No space left" in said
    if name == "summary.json":  # that is before the first step: the name stays free
        assert not out.exists()
        return
    assert f"paceline resume {out}" in said and is_tidy(out)
    assert nursery.run(out) == 0
    assert left_by(out) == straight


@pytest.fixture
def own_disk(tmp_path):
    """A file system of its own, of 64 megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_real_disk_that_fills_up(nursery, straight, own_disk, tmp_path):
    """Something else takes all the room that is left after step 5."""
    out, log, filler = own_disk / "r", tmp_path / "log", own_disk / "filler"
    meddle = {"fill_disk": str(filler)}
    assert nursery.run(out, log=str(log), quiet=False, meddle=meddle) == 5
    assert f"The disk that holds '{out}' is full (No space left on device); make room" in (
        log.read_text()
    )
    assert [p.name for p in (out / "checkpoints").iterdir()] == ["step-000003"] and is_tidy(out)
    filler.unlink()
    assert nursery.run(out) == 0
    assert left_by(out) == straight and is_tidy(out)


@pytest.mark.parametrize("save_every", [0, 3])
def test_a_disk_that_is_full_when_the_model_is_saved(nursery, own_disk, tmp_path, save_every):
    """safetensors raises no OSError: it only says so."""
    out, log = own_disk / "r", tmp_path / "log"
    meddle = {"no_room_for_the_model": str(own_disk / "filler")}
    changes = {"save_every": save_every}
    assert nursery.run(out, log=str(log), quiet=False, meddle=meddle, changes=changes) == 5
    said = log.read_text()
    assert "Traceback" not in said and is_tidy(out)
    told = said.strip().splitlines()[-1]
    assert (
        f"The disk that holds '{out}' is full (No space left on device); make room, then " in told
    )
    on = f"`paceline resume {out}`." if save_every else "with `paceline train "
    assert on in told and ("no step was saved" in told) == (save_every == 0)


def test_a_process_of_the_reward_that_is_killed_is_counted(nursery, tmp_path):
    rows, out = tmp_path / "rows.csv", tmp_path / "r"
    rows.write_text("prompt,answer\n" + "".join(f"{i} + 1?,{i + 1}\n" for i in range(40)))
    reward = tmp_path / "mine.py"
    reward.write_text(
        "import os, signal\nfrom pathlib import Path\n"
        "def reward(problem, completion):\n"
        f"    mark = Path({str(tmp_path / 'killed')!r})\n"
        f"    if Path({str(out / 'metrics.jsonl')!r}).exists():\n"
        "        try:\n            mark.touch(exist_ok=False)  # of two processes one\n"
        "        except FileExistsError:\n            pass\n"
        "        else:\n            os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return float(len(completion.text))\n"
    )
    changes = {"task.path": str(rows), "task.reward": f"{reward}:reward", "steps": 4}
    assert nursery.run(out, task="rows", changes=changes) == 0
    run = Run(out)
    assert run.finished and run.summary["counters"]["workers_restarted"] == 1
    (event,) = (e for e in run.events() if e["kind"] == "worker")
    assert event["text"] == "a process of the reward ended by itself, and was started again"


def test_a_run_of_no_steps_is_kept_and_goes_further(nursery, tmp_path):
    out, log = tmp_path / "r", tmp_path / "log"
    assert nursery.run(out, log=str(log), quiet=False, changes={"steps": 0}) == 0
    said = log.read_text()
    assert "report" not in said and f"model    {out / 'model'}" in said
    assert Run(out).finished and (out / "model" / "model.safetensors").is_file()
    assert resume(out, Config.with_(config_of(Run(out)), steps=1), quiet=True).summary["steps"] == 1


@pytest.mark.parametrize(
    ("meddle", "expected", "sentence"),
    [
        ({"reward_breaks": 3}, 4, "paceline: The reward 'mine' raised KeyError on problem p3."),
        ({"sandbox_breaks": 3}, 6, "paceline: The sandbox does not start any more."),
    ],
)
def test_what_breaks_on_the_way_is_mended_and_the_run_goes_on(
    nursery, straight, tmp_path, meddle, expected, sentence
):
    """The round in which it broke is sampled again: its problems are the same ones."""
    out, log = tmp_path / "r", tmp_path / "log"
    assert nursery.run(out, log=str(log), meddle=meddle) == expected
    assert log.read_text().strip().splitlines()[-1] == sentence
    run = Run(out)
    assert run.summary["steps"] == 6 and not run.summary["interrupted"]
    assert (run.model / "model.safetensors").is_file() and is_tidy(out)
    assert nursery.run(out) == 0
    assert left_by(out) == straight


def test_a_gradient_that_is_not_finite_is_skipped_and_counted(nursery, tmp_path):
    out, log = tmp_path / "r", tmp_path / "log"
    assert nursery.run(out, log=str(log), quiet=False, meddle={"poison": [4]}) == 0
    run = Run(out)
    assert run.summary["counters"]["steps_skipped"] == 1
    assert [line["skipped"] for line in run.metrics()] == [i == 3 for i in range(10)]
    assert list(run.metrics())[3]["grad_norm"] is None
    assert "a gradient was not finite; that step changed nothing" in log.read_text()


def test_after_some_of_them_it_goes_back_and_stops(nursery, straight, tmp_path):
    out, log = tmp_path / "r", tmp_path / "log"
    poisoned = {"poison": [4, 5, 6, 7, 8]}
    assert nursery.run(out, log=str(log), meddle=poisoned) == 7
    said = log.read_text().strip().splitlines()[-1]
    assert said.startswith("paceline: The gradient was not finite in 5 steps in a row, the last of")
    assert "the model is that of step 3 again" in said and "optimizer.lr" in said
    saved = load_file(out / "checkpoints" / "step-000003" / "policy.safetensors")
    model = load_file(out / "model" / "model.safetensors")
    assert all(torch.equal(saved[name], model[name]) for name in model)
    assert [p.name for p in (out / "checkpoints").iterdir()] == ["step-000003"]
    assert nursery.run(out) == 0
    assert left_by(out) == straight


def is_first_step(ours: dict, theirs: dict) -> bool:
    """Whether two runs took the same first step, to rounding.

    Later ones need not be near each other: AdamW's first steps have the size of the learning rate
    whatever the gradient's, so rounding shows in the weights, and at last in what is sampled.
    """
    exact = ("step", "reward", "completion_tokens", "rows", "rows_trained")
    return all(ours[name] == theirs[name] for name in exact) and all(
        ours[name] == pytest.approx(theirs[name], rel=1e-3) for name in ("grad_norm", "entropy")
    )


@pytest.mark.parametrize("meddle", [{"forget": 70}, {"few_rows": 8}], ids=["update", "sampling"])
def test_out_of_memory_is_the_same_step_with_smaller_pieces(nursery, straight, tmp_path, meddle):
    out, log = tmp_path / "r", tmp_path / "log"
    assert nursery.run(out, log=str(log), quiet=False, meddle=meddle) == 0
    run = Run(out)
    assert run.summary["counters"]["out_of_memory"] >= 1
    assert "memory ran out after step 0; again with less: " in log.read_text()
    assert is_first_step(next(run.metrics()), straight.lines[0])
    # The smaller pieces are kept in the checkpoint: what goes on does not run out again.
    stopped = tmp_path / "stopped"
    assert nursery.run(stopped, meddle={**meddle, "stop_after": 5}) == 143
    assert nursery.run(stopped, meddle=meddle) == 0
    assert left_by(stopped) == left_by(out)
    first = Run(stopped).summary["counters"]["out_of_memory"]
    assert first == run.summary["counters"]["out_of_memory"]


def test_memory_that_cannot_suffice_is_told(nursery, tmp_path):
    out, log = tmp_path / "r", tmp_path / "log"
    assert nursery.run(out, log=str(log), meddle={"few_rows": 0}) == 8
    assert "Memory ran out, and the work cannot be cut any smaller" in log.read_text()
    assert not out.exists()


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="limits memory as Linux does")
def test_memory_that_really_runs_out(nursery, tmp_path):
    # One pass over all rows takes some 280 MB of addresses, the smallest one 70: the limit stands
    # far from both, for how much lies in between is the allocator's and the processor's affair.
    big = {"rollouts": {"problems": 8, "completions": 64, "max_tokens": 120}, "steps": 2,
           "tokens_per_forward": 200000, "evaluation": {"problems": 0}}  # fmt: skip
    out, free, log = tmp_path / "r", tmp_path / "free", tmp_path / "log"
    assert nursery.run(free, changes=big) == 0
    meddle = {"little_memory": 140}
    assert nursery.run(out, log=str(log), quiet=False, changes=big, meddle=meddle) == 0
    assert Run(out).summary["counters"]["out_of_memory"] >= 1
    assert is_first_step(next(Run(out).metrics()), next(Run(free).metrics()))
