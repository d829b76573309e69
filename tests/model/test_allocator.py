"""Freed memory is kept for the next tensor, and given back when that is asked for."""

import subprocess
import sys

import psutil
import pytest

from paceline.model.allocator import give_back_freed_memory, keep_freed_memory, memory_gb

KEPT = """
import torch
from paceline.model.allocator import give_back_freed_memory, keep_freed_memory, memory_gb
print(keep_freed_memory())
before = memory_gb()
tensors = [torch.ones(5_000_000) for _ in range(20)]  # 20 MB each: 0.4 GB
del tensors
print(memory_gb() - before)
give_back_freed_memory()
print(memory_gb() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own")
def test_freed_blocks_are_kept_until_they_are_given_back():
    said = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    agreed, kept, given_back = said.stdout.split()
    if agreed == "False":
        pytest.skip("this C library is not glibc")
    assert float(kept) > 0.3 and float(given_back) < 0.1


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False
    give_back_freed_memory()


def test_without_a_gpu_memory_is_that_of_the_process():
    held = psutil.Process().memory_info().rss / 1e9
    # Another allocation may fall between the two looks.
    assert memory_gb() == pytest.approx(held, rel=0.2)
