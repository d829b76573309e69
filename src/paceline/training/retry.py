"""Repeating work that ran out of memory, with less memory each time."""

import gc
from collections.abc import Callable
from typing import Protocol, TypeVar

import torch

from ..errors import MemoryShortError, first_line, memory_ran_out

T = TypeVar("T")
Told = Callable[[str], None]


class Shrinks(Protocol):
    """Anything that can do the same work in less memory: a learner, a source of rounds, an
    engine."""

    def shrink(self) -> str | None:
        """Use less memory from now on.

        Returns: the change in words; None if it cannot use less.
        """
        ...


def retry_smaller(work: Callable[[], T], what: Shrinks | None, told: Told) -> T:
    """Do some work; if memory runs out, shrink and start the work again.

    Args:
        what: the part that uses the memory; None if it cannot be made smaller.
        told: called with each change, in words.

    Raises: MemoryShortError if it cannot be made smaller any more. Errors that less work does not
        cure, such as a thread that cannot be started, are passed on.
    """
    while True:
        try:
            return work()
        except Exception as error:
            if not memory_ran_out(error):
                raise
            said = first_line(error)
        # Behind the handler: the error's frames held what filled the memory.
        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        change = what.shrink() if what else None
        if change is None:
            raise MemoryShortError(
                f"Memory ran out, and the work cannot be cut any smaller ({said[:160]}); use a "
                "smaller model, shorter rollouts.max_tokens, or a machine with more memory."
            )
        told(change)
