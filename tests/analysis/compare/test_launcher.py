"""The launcher of a comparison's runs."""

import os

import pytest

from paceline.analysis.compare.arms import Arm
from paceline.analysis.compare.launcher import Child, Launcher, last_words, processors
from paceline.analysis.compare.planned import planned
from paceline.recipes import tiny
from paceline.run.screen import Screen
from paceline.run.signals import Interrupts
from paceline.store.places import create_run
from tests.helpers.fake_run import write_lines
from tests.helpers.records import a_step


def test_finished_runs_are_not_made_again(trained):
    launcher = Launcher(trained, 1, Screen(0), Interrupts(), lambda one: pytest.fail("made"))
    assert launcher.go() == [] and launcher.running == []
    assert not trained[0].log.exists()


def test_a_process_is_told_by_the_step_that_it_is_at(tmp_path):
    [one] = planned([Arm("grpo", tiny().with_(steps=3))], [0], tmp_path)
    child = Child(one, None, slot=0, began=0.0, steps=3, said=0)  # type: ignore[arg-type]
    assert child.doing == "grpo seed 0, before training"
    run = create_run(one.path)
    run.release()
    write_lines(run.lines, [a_step(step=1)])
    assert child.doing == "grpo seed 0, step 1 of 3"
    write_lines(run.lines, [a_step(step=step) for step in (1, 2, 3)])
    assert child.doing == "grpo seed 0, last evaluation"


def test_the_processors_are_those_that_this_process_may_use():
    mine = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mine)})
        assert processors() == 1
    finally:
        os.sched_setaffinity(0, mine)


def test_processes_share_the_processors_and_the_gpus(monkeypatch, tmp_path):
    launcher = Launcher([], 2, None, None, None)  # type: ignore[arg-type]
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,6")
    shares = [launcher._share(slot) for slot in (0, 1)]
    assert [s["CUDA_VISIBLE_DEVICES"] for s in shares] == ["3", "5"]
    assert int(shares[0]["OMP_NUM_THREADS"]) == max(1, len(os.sched_getaffinity(0)) // 2)
    assert Launcher([], 1, None, None, None)._share(0) == {}  # type: ignore[arg-type]


def test_the_last_words_of_a_process(tmp_path):
    [one] = planned([Arm("grpo", tiny())], [0], tmp_path)
    assert last_words(one, -9).startswith("it wrote nothing (signal 9; see ")
    one.log.parent.mkdir(parents=True)
    one.log.write_text("paceline: tiny\nstep 1\npaceline: The disk is full; make room.\n\n")
    assert last_words(one, 5).startswith("The disk is full; make room. (exit code 5; see ")
    one.log.write_text("step 1\nValueError: no\n\n")
    assert last_words(one, 1).startswith("ValueError: no (exit code 1")
    # What an earlier process said is not why this one ended.
    assert last_words(one, -9, said=one.log.stat().st_size).startswith("it wrote nothing (signal 9")
