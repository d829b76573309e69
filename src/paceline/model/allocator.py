"""Keeping freed memory: on Linux, large tensors on the CPU otherwise cost a page fault for every
4 KiB, each time anew, because glibc hands big blocks back to the system as soon as they are
freed."""

import ctypes
import sys
from typing import Any

import psutil
import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""glibc's names and numbers, from malloc.h."""
NEVER = (1 << 31) - 1
"""A trim threshold that no heap's free end reaches."""
LARGEST = 40 << 20
"""Larger blocks still go back at once. Kept too, they never fit their own gap again, because an
aligned block of the same size needs a little more, and the heap grows by one of them a step."""


def keep_freed_memory() -> bool:
    """Ask glibc to keep blocks of up to LARGEST for the next tensor. Speed only; True if it agreed.

    `benchmarks/step.py` measures what it gives, with and without --give-back. Elsewhere than on
    glibc this does nothing.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(M_TRIM_THRESHOLD, NEVER))


def give_back_freed_memory() -> None:
    """Give kept blocks back, once in a while: tensors of ever new sizes leave gaps that no later
    one fits, some 20 MB a step in the demo."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _glibc(name: str) -> Any:
    """A function of glibc's, None where there is another library."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None


def memory_gb() -> float:
    """Peak memory of the GPU if it is used, else what the process holds now; in 1e9 bytes."""
    if torch.cuda.is_initialized() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e9
    return psutil.Process().memory_info().rss / 1e9
