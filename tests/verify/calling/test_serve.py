"""The program of a worker process: what it sends back, and what it does not take for a message."""

import pytest

from paceline.verify.calling.worker import Raised, Worker, packed


def fail(x):
    print("this is no message")
    raise KeyError(x)


def test_what_it_raises_comes_with_its_traceback():
    with Worker(packed(fail)) as worker, pytest.raises(Raised) as raised:
        worker.call(("key",), 60)
    assert raised.value.kind == "KeyError" and isinstance(raised.value.error, KeyError)
    assert "in fail" in raised.value.traceback


def test_what_a_reward_prints_needs_no_letters(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONUTF8", "0")
    with Worker(packed(says)) as worker:
        assert worker.call(("中文 …",), 60) == 4


def says(text):
    print(text)
    return len(text)
