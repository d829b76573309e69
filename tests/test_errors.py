"""Errors that a user can fix, and those of a machine that is too small."""

import errno

import pytest

from paceline import errors
from paceline.errors import (
    Interrupted,
    MemoryShortError,
    RunsFailedError,
    UserError,
    close,
    first_line,
    machine_short,
    memory_ran_out,
    nearest,
)


def test_every_kind_has_an_exit_code_of_its_own():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.__name__: kind.exit_code for kind in kinds if issubclass(kind, UserError)}
    assert codes == {
        "UserError": 1, "ConfigError": 2, "DataError": 3, "RewardError": 4, "CheckpointError": 5,
        "SandboxError": 6, "DivergedError": 7, "MemoryShortError": 8, "RunsFailedError": 9,
    }  # fmt: skip


def test_runs_that_failed_say_whether_others_are_shown():
    error = RunsFailedError("2 of 3 runs failed.", shown=True)
    assert str(error) == "2 of 3 runs failed." and error.shown


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(2, 130, "Ctrl-C (KeyboardInterrupt)"), (15, 143, "signal 15")],
)
def test_a_signal_ends_with_the_code_that_shells_give_it(number, code, said):
    error = Interrupted(number)
    assert (error.exit_code, str(error)) == (code, said)
    assert isinstance(error, KeyboardInterrupt) and not isinstance(error, Exception)


OF_MEMORY = [
    MemoryError(),
    RuntimeError("CUDA out of memory. RewardTrial to allocate 2 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]
OF_ROOM = [
    RuntimeError("can't start new thread"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
]
OF_OTHERS = [ValueError("out of memory"), RuntimeError("shapes differ"), OSError(errno.ENOSPC, "x")]


@pytest.mark.parametrize("error", OF_MEMORY, ids=repr)
def test_memory_that_ran_out_is_known_whoever_says_so(error):
    assert memory_ran_out(error)
    assert str(machine_short(error)) == (
        f"Memory ran out ({first_line(error)}); end other programs, raise the limit of this one "
        "(`ulimit -v`), or take a machine with more of it."
    )


@pytest.mark.parametrize("error", OF_ROOM, ids=repr)
def test_threads_and_libraries_without_room_are_another_matter(error):
    assert not memory_ran_out(error)
    short = machine_short(error)
    assert isinstance(short, MemoryShortError)
    assert str(short).startswith(f"The system has no room for another thread or library ({error})")


@pytest.mark.parametrize("error", OF_OTHERS, ids=repr)
def test_any_other_error_is_not_the_machines(error):
    assert not memory_ran_out(error) and machine_short(error) is None


def test_of_a_message_the_first_line_is_kept():
    assert first_line(ValueError("\n one\ntwo")) == "one"
    assert first_line(KeyError()) == "KeyError"


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("lrr", ["lr"]), ("num_steps", ["steps"]), ("beta", []), ("epochs", [])],
)
def test_a_slip_is_told_from_another_word(wrong, meant):
    known = ["lr", "steps", "weight_decay"]
    assert close(wrong, known) == meant
    assert nearest(wrong, known) == (f" Did you mean '{meant[0]}'?" if meant else "")
