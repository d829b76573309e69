"""Fixtures that all tests share."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Sentences are compared as they are, not as a terminal breaks them. Importing readline, as pytest
# does, sets COLUMNS behind os.environ, where only programs that a test starts see it.
os.environ.pop("COLUMNS", None)
os.unsetenv("COLUMNS")

import pytest
import torch

from tests.helpers import shapes

shapes.switch_on()  # before any module of the package is imported

from paceline.model import Policy  # noqa: E402
from tests.helpers.policies import tiny_policy  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def threads() -> None:
    """One, unless OMP_NUM_THREADS says more: tests run beside each other, and more threads than
    cores would only make them slow."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


@pytest.fixture
def policy() -> Policy:
    return tiny_policy()
