"""Keeping freed memory: on Linux, large tensors on the CPU otherwise cost a page fault for every 4
KiB, each time anew, because glibc returns big blocks to the system as soon as they are freed."""

import ctypes
import sys
from typing import Any

import psutil
import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""glibc's names and numbers, from malloc.h."""
NEVER_TRIM = (1 << 31) - 1
"""A trim threshold that the free end of no heap reaches."""
LARGEST_KEPT = 40 << 20
"""Size of the largest block that is kept when freed; larger blocks still go back at once. If they
were kept too, they would never fit their own gap again, because an aligned block of the same size
needs a little more, and the heap would grow by one of them a step."""


def keep_freed_memory() -> bool:
    """Ask glibc to keep blocks of up to LARGEST_KEPT for the next tensor. Affects speed only; True
    if it agreed.

    `benchmarks/step.py` measures the effect, with and without --give-back. Elsewhere than on
    glibc this does nothing.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)) and bool(
        mallopt(M_TRIM_THRESHOLD, NEVER_TRIM)
    )


def give_back_freed_memory() -> None:
    """Give kept blocks back, once in a while: tensors of ever new sizes leave gaps that no later
    one fits, some 20 MB a step in the demo."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _glibc(name: str) -> Any:
    """A function of glibc, or None if there is another library."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None


def memory_gb() -> float:
    """Peak memory of the GPU if it is used, otherwise the present memory of the process; in 1e9
    bytes."""
    if torch.cuda.is_initialized() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e9
    return psutil.Process().memory_info().rss / 1e9
