"""Work that is done again with less of it at a time, where that can help."""

import pytest
import torch

from paceline.errors import MemoryShortError
from paceline.training.memory import with_less


def work_of(size: int, error: Exception):
    """(work, shrink): work fails while it is larger than 2, and each shrinking halves it."""
    left = [size]

    def work() -> int:
        if left[0] > 2:
            raise error
        return left[0]

    def shrink() -> bool:
        left[0] //= 2
        return left[0] > 0

    return work, shrink


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")],
)
def test_memory_that_ran_out_is_tried_with_less(error):
    assert with_less(*work_of(8, error)) == 2  # 8 and 4 are too much


def test_what_cannot_be_smaller_is_told_with_what_was_said():
    work, _ = work_of(8, RuntimeError("CPU: not enough memory\nat some line"))
    with pytest.raises(MemoryShortError, match=r"cut any smaller \(CPU: not enough memory\); use"):
        with_less(work, lambda: False)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("can't start new thread"),
        ImportError("libcublas.so: failed to map segment from shared object"),
    ],
)
def test_what_a_smaller_batch_does_not_save_is_not_tried_again(error):
    work, shrink = work_of(8, error)
    with pytest.raises(type(error)):
        with_less(work, shrink)
