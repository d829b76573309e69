"""Shape letters in names are true, in every module and in every test that calls it: see
tests/helpers/shapes.py. Here stands that they are really checked."""

import importlib
import sys

import pytest
import torch

from paceline.model.head import Weights
from paceline.objective import Clip
from tests.helpers.shapes import ShapeError, switch_on

FAULTY = '''
from dataclasses import dataclass
from torch import Tensor

@dataclass(frozen=True, slots=True)
class Pair:
    left_BT: Tensor
    right_BT: Tensor | None

def total(x_BT, scale=1.0):
    """The sum."""
    sum_B = x_BT.sum()
    return sum_B * scale

def rows(x_B1: Tensor) -> int:
    return len(x_B1)
'''


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    (tmp_path / "faulty.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    switch_on("faulty")
    yield importlib.import_module("faulty")
    del sys.modules["faulty"]


def test_arguments_of_the_package_are_checked():
    with pytest.raises(ShapeError, match=r"Clip\.__call__, line \d+: log_ratio_BT .* \(3,\)\.$"):
        Clip(0.2)(torch.zeros(3), torch.zeros(3))
    with pytest.raises(ShapeError, match=r"T is 2 in advantage_BT \(1, 2\), but 3 in log_ratio_BT"):
        Clip(0.2)(torch.zeros(1, 3), torch.zeros(1, 2))


def test_records_of_the_package_are_checked_as_they_are_made():
    with pytest.raises(ShapeError, match="Weights: V is 4 in bias_V"):
        Weights(torch.zeros(5, 2), torch.zeros(4))


def test_names_inside_a_function_are_checked(faulty):
    with pytest.raises(ShapeError, match=r"faulty\.total, line 12: sum_B has the shape \(\)\.$"):
        faulty.total(torch.zeros(2, 3))


def test_a_digit_is_a_size(faulty):
    assert faulty.rows(torch.zeros(4, 1)) == 4
    with pytest.raises(ShapeError, match="1 is 2 in x_B1"):
        faulty.rows(torch.zeros(4, 2))


def test_what_is_no_tensor_passes(faulty):
    assert faulty.Pair(torch.zeros(2, 3), None).right_BT is None
    assert faulty.rows([7, 8]) == 2
