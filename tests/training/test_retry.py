"""Work that is done again with less of it at a time, where that can help."""

import pytest
import torch

from paceline.errors import MemoryShortError
from paceline.training.retry import retry_smaller


def work_of(size: int, error: Exception):
    """(work, part): work fails while the part is larger than 2, and each shrinking halves it."""
    part = Halved(size)

    def work() -> int:
        if part.size > 2:
            raise error
        return part.size

    return work, part


class Halved:
    def __init__(self, size: int):
        self.size = size

    def shrink(self) -> str | None:
        self.size //= 2
        return f"{self.size} now" if self.size else None


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. RewardTrial to allocate 2 GiB")],
)
def test_memory_that_ran_out_is_tried_with_less(error):
    told = []
    assert retry_smaller(*work_of(8, error), told.append) == 2  # 8 and 4 are too much
    assert told == ["4 now", "2 now"]


def test_what_cannot_be_smaller_is_told_with_what_was_said():
    work, _ = work_of(8, RuntimeError("CPU: not enough memory\nat some line"))
    with pytest.raises(MemoryShortError, match=r"cut any smaller \(CPU: not enough memory\); use"):
        retry_smaller(work, None, print)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("can't start new thread"),
        ImportError("libcublas.so: failed to map segment from shared object"),
    ],
)
def test_what_a_smaller_batch_does_not_save_is_not_tried_again(error):
    work, part = work_of(8, error)
    with pytest.raises(type(error)):
        retry_smaller(work, part, print)
