"""Doing the same work again with less memory."""

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from ..errors import MemoryShortError, first_line, memory_ran_out

T = TypeVar("T")


def with_less(work: Callable[[], T], shrink: Callable[[], bool]) -> T:
    """Do some work; where memory runs out, shrink and do it again from its beginning.

    Args:
        shrink: makes the work need less; False where it cannot.

    Raises: MemoryShortError where it cannot be made smaller any more; as it is, what less work
        does not mend, such as a thread that cannot be started.
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
        if not shrink():
            raise MemoryShortError(
                f"Memory ran out, and the work cannot be cut any smaller ({said[:160]}); use a "
                "smaller model, shorter rollouts.max_tokens, or a machine with more memory."
            )
