"""Fixtures of the local engine's tests."""

import pytest
import torch

from tests.helpers.policies import tiny_policy


@pytest.fixture
def sharp():
    """The tiny model with larger weights: distributions with a shape, and stop tokens now and
    then. In fp64, so that no rounding decides a draw: which rows lie beside a row changes the last
    bit of its logits, on some processors."""
    policy = tiny_policy()
    policy.module.double()
    with torch.no_grad():
        for parameter in policy.module.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return policy
