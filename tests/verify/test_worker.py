"""A process with one function."""

import os
import threading
import time

import pytest

from paceline.errors import ConfigError
from paceline.verify.load import load_function
from paceline.verify.worker import Died, Raised, TimeLimit, Worker, packed


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


def fail(x):
    print("this is no message")
    raise KeyError(x)


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


def test_what_it_raises_comes_with_its_traceback():
    with Worker(packed(fail)) as worker, pytest.raises(Raised) as raised:
        worker.call(("key",), 60)
    assert raised.value.kind == "KeyError" and isinstance(raised.value.error, KeyError)
    assert "in fail" in raised.value.traceback


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
