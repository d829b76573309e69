"""Signals are raised where work may be broken off, and wait elsewhere."""

import os
import signal
import threading

import pytest

from paceline.errors import Interrupted
from paceline.run.signals import Interrupts


def test_a_signal_waits_until_it_may_be_raised():
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts() as interrupts:
        interrupts.check()
        os.kill(os.getpid(), signal.SIGTERM)
        reached = True  # nothing was raised here
        with pytest.raises(Interrupted) as stop:
            interrupts.check()
        assert stop.value.exit_code == 143
        with pytest.raises(Interrupted), interrupts.abandonable():
            reached = False
        assert reached
    assert signal.getsignal(signal.SIGTERM) is before


def test_abandonable_work_is_broken_off():
    with Interrupts() as interrupts:
        done = []
        with pytest.raises(Interrupted) as stop, interrupts.abandonable():
            with interrupts.abandonable():
                done.append(1)
            os.kill(os.getpid(), signal.SIGINT)
            done.append(2)
        assert done == [1] and stop.value.exit_code == 130
        assert isinstance(stop.value, KeyboardInterrupt)


def test_outside_the_main_thread_signals_are_left_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with Interrupts() as interrupts, interrupts.abandonable():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
