"""Keeping freed memory: on Linux, large tensors on the CPU otherwise cost a page fault for every
4 KiB, each time anew, because glibc hands big blocks back to the system as soon as they are
freed."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""glibc's names and numbers, from malloc.h."""


def keep_freed_memory() -> bool:
    """Ask glibc to keep blocks of up to 1 GiB for the next tensor. Speed only; True if it agreed.

    `benchmarks/step.py` measures what it gives, with and without --give-back. Elsewhere than on
    glibc this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl has no mallopt
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, 1 << 30)) and bool(
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
    )
