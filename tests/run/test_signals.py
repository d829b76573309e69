"""Signals are raised where work may be broken off, and wait elsewhere."""

import os
import signal
import threading

import pytest

from paceline.errors import Interrupted
from paceline.run.signals import Interrupts


@pytest.fixture(autouse=True)
def in_the_foreground():
    """What is started in the background ignores Ctrl-C, and so would these tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_that_is_ignored_stays_so():
    """As `nohup` and a shell's `&` want it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts() as interrupts, interrupts.interruptible():
        os.kill(os.getpid(), signal.SIGINT)
    interrupts.check()


def test_a_signal_waits_until_it_may_be_raised():
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts() as interrupts:
        interrupts.check()
        os.kill(os.getpid(), signal.SIGTERM)
        reached = True  # nothing was raised here
        with pytest.raises(Interrupted) as stop:
            interrupts.check()
        assert stop.value.exit_code == 143
        with pytest.raises(Interrupted), interrupts.interruptible():
            reached = False
        assert reached
    assert signal.getsignal(signal.SIGTERM) is before


def test_abandonable_work_is_broken_off():
    with Interrupts() as interrupts:
        done = []
        with pytest.raises(Interrupted) as stop, interrupts.interruptible():
            with interrupts.interruptible():
                done.append(1)
            os.kill(os.getpid(), signal.SIGINT)
            done.append(2)
        assert done == [1] and stop.value.exit_code == 130
        assert isinstance(stop.value, KeyboardInterrupt)


def test_outside_the_main_thread_signals_are_left_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with Interrupts() as interrupts, interrupts.interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
