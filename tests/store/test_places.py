"""Where a new run may go, and what is said of a place that is taken."""

import json
import os
from pathlib import Path

import pytest

from paceline.errors import ConfigError
from paceline.store.places import (
    create_run,
    default_path,
    make_directory,
    new_path,
    refuse_taken,
    refuse_unwritable,
    stopped_at,
)
from paceline.store.run import Run
from tests.helpers.fake_run import write_lines, write_summary
from tests.helpers.records import a_step, a_summary


def a_run(path: Path, *, finished: bool, steps: int = 3) -> Path:
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"config": {"steps": 8}}))
    write_lines(path / "metrics.jsonl", [a_step(step=step) for step in range(1, steps + 1)])
    write_summary(path, a_summary(finished=finished, steps=steps))
    return path


def test_a_second_run_goes_next_door(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert new_path("demo", None) == Path("runs/demo")
    Path("runs/demo").mkdir(parents=True)
    assert new_path("demo", None) == Path("runs/demo-2")
    Path("runs/demo-2").mkdir()
    assert new_path("demo", None) == Path("runs/demo-3")
    assert new_path("demo", None, base="audits") == Path("audits/demo")
    assert new_path("demo", "here") == Path("here")
    a_run(tmp_path / "here", finished=True)
    with pytest.raises(ConfigError, match="'here' already holds a run"):
        new_path("demo", "here")


@pytest.mark.parametrize("name", ["../demo", "", ".hidden", "a b", "a/b"])
def test_a_name_is_one_folder_that_shows(name):
    with pytest.raises(ConfigError, match=rf"^'{name}' is not a name for a run; use letters"):
        default_path(name)


def test_letters_of_any_language_make_a_name():
    assert default_path("Versuch-1.2_größer") == Path("runs/Versuch-1.2_größer")


def test_a_new_run_holds_its_folder(tmp_path):
    run = create_run(tmp_path / "runs" / "r")
    assert run.rollouts.is_dir() and run.checkpoints.is_dir()
    assert Run(run.path).in_use
    run.release()
    # A start that was killed before it wrote its config leaves no more than this.
    (run.path / "config.json.tmp").touch()
    again = create_run(run.path)
    again.release()


def test_a_run_that_is_there_is_refused_with_the_way_on(tmp_path):
    done, half = a_run(tmp_path / "a", finished=True), a_run(tmp_path / "b", finished=False)
    with pytest.raises(ConfigError) as refused:
        create_run(done)
    assert str(refused.value) == (
        f"'{done}' already holds a run, which is finished; choose another directory with --out, "
        f"or give that one more steps with `paceline resume {done} steps=N`."
    )
    with pytest.raises(ConfigError) as refused:
        create_run(half)
    assert str(refused.value) == (
        f"'{half}' already holds a run, which reached step 3 of 8; resume it with `paceline resume "
        f"{half}` (or `train … --resume`), or choose another directory with --out."
    )


@pytest.mark.parametrize("place", ["thesis.tex", "checkpoints/weights.bin", "rollouts/a.parquet"])
def test_somebody_elses_files_are_not_taken_for_a_start(tmp_path, place):
    precious = tmp_path / "r" / place
    precious.parent.mkdir(parents=True, exist_ok=True)
    precious.write_text("precious")
    with pytest.raises(ConfigError, match=r"r' exists and is not empty; choose another directory"):
        refuse_taken(tmp_path / "r")
    assert precious.read_text() == "precious"


def test_files_in_the_way_are_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match=r"file' is a file, not a directory; .* with --to\.$"):
        refuse_unwritable(file, "--to")
    with pytest.raises(ConfigError, match=rf"^'{file}/x/y' cannot be made, as '{file}' is a file"):
        make_directory(file / "x" / "y")
    make_directory(tmp_path / "a" / "b")
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(ConfigError, match=r"x' cannot be made, as '.*locked' is not writable"):
        refuse_unwritable(tmp_path / "locked" / "x")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the folder is Linux's")
def test_what_the_system_says_is_told():
    # In /proc nobody makes a folder: an ordinary user may not write there, and root fails.
    with pytest.raises(ConfigError, match=r"^'/proc/r' cannot be made(, as| \(No such file)"):
        make_directory(Path("/proc/r"))


def test_a_run_that_stopped_is_told_and_others_are_not(tmp_path):
    half = a_run(tmp_path / "half", finished=False)
    assert stopped_at(half) == (
        f"'{half}' stopped at step 3 of 8; `paceline resume {half}` resumes it."
    )
    assert stopped_at(a_run(tmp_path / "done", finished=True)) is None
    assert stopped_at(tmp_path / "nowhere") is None
    going = Run(half)
    going.acquire()
    assert stopped_at(half) is None
    going.release()


def test_a_run_that_cannot_be_read_is_no_hindrance_for_a_new_one(tmp_path):
    for name, content in (("torn", '{"steps": 3'), ("bare", "{}"), ("other", '{"finished": "no"}')):
        run = a_run(tmp_path / name, finished=False)
        (run / "summary.json").write_text(content)
        assert stopped_at(run) is None
