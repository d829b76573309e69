"""Errors that a user can mend: one clear sentence each, and the exit code of the command line.

Everything else propagates as it is: it is our mistake, and its traceback is what helps.
"""

import difflib
import errno

NEAR = 0.7
"""Of difflib's ratio, which is 1 for equal names. A slip lies above it (lrr and lr 0.80, num_steps
and steps 0.71), another word below (beta and weight_decay 0.38, epochs and steps 0.55)."""


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
    """A verifier that raised, or answered something that is no finite number."""

    exit_code = 4


class CheckpointError(UserError):
    """A checkpoint that is missing or not whole."""

    exit_code = 5


class SandboxError(UserError):
    """No sandbox for generated code works on this machine, or it stopped working."""

    exit_code = 6


class DivergedError(UserError):
    """Gradients that were not finite, step after step."""

    exit_code = 7


class MemoryShortError(UserError):
    """Memory ran out, however small the pieces."""

    exit_code = 8


class RunsFailedError(UserError):
    """Runs of a comparison that did not come to their end; what the others show is written.

    Attributes:
        shown: whether the others show anything.
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
        """130 or 143, as shells put it."""
        return 128 + self.number


SHORT_OF_MEMORY = (
    "can't allocate memory", "cannot allocate memory", "unable to allocate", "not enough memory",
    "out of memory", "can't start new thread", "failed to map segment",
)  # fmt: skip
"""How Python, torch's allocators, the loader of libraries and those below them put it."""


def is_short_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, or room in the address space, ran out."""
    said = str(error).lower()
    kinds = RuntimeError | OSError | ImportError
    told = isinstance(error, kinds) and any(words in said for words in SHORT_OF_MEMORY)
    return told or isinstance(error, MemoryError)


def short_of_memory(error: BaseException) -> MemoryShortError:
    """The sentence for it, where no work can be cut into smaller pieces."""
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return MemoryShortError(
        f"Memory ran out ({said[:160]}); end other programs, raise the limit of this one "
        "(`ulimit -v`), or take a machine with more of it."
    )


FULL = (errno.ENOSPC, errno.EDQUOT)
"""A disk that takes no more."""
LOCKED = (errno.EROFS, errno.EACCES, errno.EPERM)
"""A file or a disk that cannot be read, or written."""


def nearest(wrong: str, known: list[str]) -> str:
    """A sentence, Did you mean 'x'?, with the known name nearest to the wrong one, or nothing."""
    found = close(wrong, known)
    return f" Did you mean '{found[0]}'?" if found else ""


def close(wrong: str, known: list[str]) -> list[str]:
    """The known name nearest to the wrong one, if it is near enough to be what was meant."""
    return difflib.get_close_matches(wrong, known, n=1, cutoff=NEAR)
