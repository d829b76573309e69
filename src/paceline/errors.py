"""Errors that a user can fix: one clear sentence each, and the exit code of the command line.

Everything else propagates as it is: it is our mistake, and its traceback is what helps.
"""

import difflib
import errno

NEAR_RATIO = 0.7
"""Least similarity of two names, by difflib's ratio, which is 1 for equal ones. A slip lies above
it (lrr and lr 0.80, num_steps and steps 0.71), another word below (beta and weight_decay 0.38,
epochs and steps 0.55)."""


class UserError(Exception):
    """Base of all errors whose message is one sentence that says what is wrong and what to do."""

    exit_code = 1


class ConfigError(UserError):
    """A wrong key, value, model, tokenizer or directory."""

    exit_code = 2


class DataError(UserError):
    """Rows that are missing, empty or wrongly named."""

    exit_code = 3


class RewardError(UserError):
    """A verifier that raised, or answered something else than a finite number."""

    exit_code = 4


class CheckpointError(UserError):
    """A checkpoint that is missing or not whole, or a disk that takes no more."""

    exit_code = 5


class UnfitCheckpointError(Exception):
    """A checkpoint that is not whole, or does not fit; its message is the reason, as a half
    sentence: "it lacks 'draw'". It never leaves the program: who knows the run makes the
    CheckpointError of it, with what to do."""


class SandboxError(UserError):
    """No sandbox for generated code works on this machine, or it stopped working."""

    exit_code = 6


class DivergedError(UserError):
    """A run that diverged: gradients that were not finite, step after step."""

    exit_code = 7


class MemoryShortError(UserError):
    """Memory that ran out, however small the pieces."""

    exit_code = 8


class RunsFailedError(UserError):
    """Runs of a comparison that failed; the results of the others are written.

    Attributes:
        shown: True if the others have results.
    """

    exit_code = 9

    def __init__(self, told: str, *, shown: bool) -> None:
        super().__init__(told)
        self.shown = shown


class Interrupted(KeyboardInterrupt):
    """A signal that asked for an end: SIGINT (Ctrl-C) or SIGTERM."""

    def __init__(self, number: int) -> None:
        said = "Ctrl-C (KeyboardInterrupt)" if number == 2 else f"signal {number}"
        super().__init__(said)
        self.number = number

    @property
    def exit_code(self) -> int:
        """Exit code as shells give it: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.number


NO_MEMORY = (
    "can't allocate memory", "cannot allocate memory", "unable to allocate", "not enough memory",
    "out of memory",
)  # fmt: skip
"""Phrases with which Python, torch's allocators and those below them say that memory ran out."""
NO_ROOM = ("can't start new thread", "failed to map segment")
"""Phrases with which Python and the loader of libraries say that the process may have no more of
something that smaller work would not give back: threads, and address space for libraries."""


def memory_ran_out(error: BaseException) -> bool:
    """True if work failed for want of memory, so that less of it at a time may fit."""
    return isinstance(error, MemoryError) or _says(error, NO_MEMORY)


def machine_short(error: BaseException) -> MemoryShortError | None:
    """The sentence for an error of a machine that has no memory, thread or address space left, if
    smaller work would not help; None for any other error."""
    said = first_line(error)[:160]
    if memory_ran_out(error):
        return MemoryShortError(
            f"Memory ran out ({said}); end other programs, raise the limit of this one "
            "(`ulimit -v`), or take a machine with more of it."
        )
    if _says(error, NO_ROOM):
        return MemoryShortError(
            f"The system has no room for another thread or library ({said}); end other programs, "
            "or raise the limits of this one (`ulimit -v` and `ulimit -u`)."
        )
    return None


def first_line(error: BaseException) -> str:
    """The first line of an error's message; its kind if there is no message."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    said = str(error).lower()
    return isinstance(error, RuntimeError | OSError | ImportError) and any(w in said for w in words)


DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a disk that takes no more."""
ACCESS_DENIED = (errno.EROFS, errno.EACCES, errno.EPERM)
"""Error numbers of a file or a disk that may not be read, or written."""


def nearest(wrong: str, known: list[str]) -> str:
    """A sentence, Did you mean 'x'?, with the known name nearest to the wrong one, or nothing."""
    found = close(wrong, known)
    return f" Did you mean '{found[0]}'?" if found else ""


def close(wrong: str, known: list[str]) -> list[str]:
    """The known name nearest to the wrong one, if it is near enough to be what was meant."""
    return difflib.get_close_matches(wrong, known, n=1, cutoff=NEAR_RATIO)
