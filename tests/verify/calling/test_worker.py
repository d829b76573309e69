"""A process with one function."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from paceline.errors import ConfigError
from paceline.verify.calling.load import load_function
from paceline.verify.calling.worker import Died, DiedLoading, TimeLimit, Worker, packed


def double(x):
    return 2 * x


def slow(x):
    time.sleep(x)
    return os.getpid()


def hang(x):
    import re

    return os.getpid() if re.match(r"(a+)+$", "a" * 60 + x) else None


def leave(x):
    os._exit(3)


def test_it_answers_from_another_process():
    with Worker(packed(slow)) as worker:
        first = worker.call((0,), 60)
        assert first != os.getpid() and worker.call((0,), 60) == first
    assert worker.process is None


def test_a_call_that_hangs_is_ended_and_the_next_one_is_answered():
    with Worker(packed(hang)) as worker:
        first = worker.call(("",), 60)
        with pytest.raises(TimeLimit):
            worker.call(("b",), 0.5)
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)  # it was at work for years to come
        assert worker.call(("",), 60) not in (None, first)


def test_a_process_that_ends_is_told_and_started_again():
    with Worker(packed(leave)) as worker:
        for _ in range(2):
            with pytest.raises(Died):
                worker.call((1,), 60)


class _Fragile:
    """A function whose process is killed while it loads it, while there are marks."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return _loaded, (str(self.folder),)


def _loaded(folder):
    marks = sorted(Path(folder).iterdir())
    if marks:
        marks[0].unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return double


@pytest.fixture
def fragile(tmp_path):
    def made(deaths):
        for i in range(deaths):
            (tmp_path / str(i)).touch()
        return packed(_Fragile(tmp_path))

    return made


def test_one_that_is_killed_while_it_loads_is_started_again(fragile):
    with Worker(fragile(1)) as worker:
        assert worker.call((3,), 60) == 6
        assert worker.deaths == 1
        os.killpg(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
        assert worker.call((4,), 60) == 8  # it was found dead, and nobody was asked twice
        assert worker.deaths == 2


def test_one_that_dies_again_and_again_while_it_loads_is_told(fragile):
    with Worker(fragile(2)) as worker, pytest.raises(DiedLoading, match="ended while it was load"):
        worker.call((3,), 60)
    assert worker.deaths == 2


def test_functions_travel_by_path_by_value_and_out_of_a_users_file(tmp_path):
    factor = 3
    with Worker(packed(lambda x: factor * x)) as worker:
        assert worker.call((5,), 60) == 15
    (tmp_path / "helper.py").write_text("def more(x): return x + 1\n")
    (tmp_path / "mine.py").write_text("import helper\ndef reward(x): return helper.more(x) * 2\n")
    with Worker(packed(load_function(f"{tmp_path / 'mine.py'}:reward"))) as worker:
        assert worker.call((5,), 60) == 12


def test_one_that_cannot_travel_is_told_at_start():
    lock = threading.Lock()
    with pytest.raises(ConfigError, match="cannot be sent to a worker process"):
        packed(lambda x: lock.locked())


def test_modules_of_the_working_directory_are_found(tmp_path, monkeypatch):
    (tmp_path / "module_of_here.py").write_text("def reward(x): return x + 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")  # as a notebook and `python -c` have it
    import module_of_here

    with Worker(packed(module_of_here.reward)) as worker:
        assert worker.call((5,), 60) == 6
