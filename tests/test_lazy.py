"""torch is imported at its first use, and is torch then."""

import subprocess
import sys

import pytest
import torch

from paceline import lazy


def test_it_is_loaded_at_the_first_use_and_not_before():
    code = (
        "import sys; from paceline.lazy import torch; print('torch' in sys.modules); "
        "print(torch.tensor([1, 2]).sum().item(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "3", "True"]


def test_its_names_are_torchs_own():
    assert lazy.torch.Tensor is torch.Tensor and lazy.torch.nn is torch.nn
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = lazy.torch.no_such_name
