"""Doing the same work again in less memory, where memory ran out."""

import gc
from collections.abc import Callable
from typing import Protocol, TypeVar

import torch

from ..engine import Engine
from ..errors import MemoryShortError, first_line, memory_ran_out

T = TypeVar("T")
Told = Callable[[str], None]


class Shrinks(Protocol):
    """Whatever can do the same work in less memory: a learner, a source of rounds, an engine."""

    def shrink(self) -> str | None:
        """Use less memory from now on.

        Returns: the change in words; None where there is no less.
        """
        ...


def retry_smaller(work: Callable[[], T], what: Shrinks | None, told: Told) -> T:
    """Do some work; where memory runs out, shrink and do it again from its beginning.

    Args:
        what: the part that the work's memory belongs to; None where it cannot be smaller.
        told: given what has changed, in words, each time.

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
        change = what.shrink() if what else None
        if change is None:
            raise MemoryShortError(
                f"Memory ran out, and the work cannot be cut any smaller ({said[:160]}); use a "
                "smaller model, shorter rollouts.max_tokens, or a machine with more memory."
            )
        told(change)


class _Rows:
    """An engine's number of completions at once, as something that shrinks."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def shrink(self) -> str | None:
        if not self.engine.shrink():
            return None
        return "half as many completions are sampled at once now"


def fewer_rows(engine: Engine) -> Shrinks:
    """An engine that samples fewer completions at once where memory ran out."""
    return _Rows(engine)
