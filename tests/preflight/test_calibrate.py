"""The speed of this machine, measured on pieces of a model; none of it is compared with a clock."""

import math
import os

import pytest
import torch
from transformers import StableLmConfig

from paceline import recipes
from paceline.layout import TokenRows
from paceline.model import resolve
from paceline.model.lora import lora_layers
from paceline.model.model_size import ModelSize
from paceline.preflight import calibrate
from paceline.preflight.calibrate import measured
from paceline.settings import LoraConfig
from tests.helpers.families import SMALL
from tests.helpers.work import CPU, LAYER, model_size, work_of

FULL, ADAPTERS = LoraConfig(), LoraConfig(rank=4)


def test_a_model_that_is_padded_has_no_time_and_no_piece(tmp_path, monkeypatch):
    monkeypatch.setattr(calibrate, "blank", lambda *_, **__: pytest.fail("cut into pieces"))
    # StableLM does not hand the layout on to its layers, so its rows are padded.
    StableLmConfig(**{k: v for k, v in SMALL.items() if k != "head_dim"}).save_pretrained(tmp_path)
    found = ModelSize.of(resolve(str(tmp_path)), torch.float32)
    work = work_of(recipes.tiny(), [(5, 6, 7)] * 8)
    assert measured(resolve(str(tmp_path)), found, work, torch.float32, CPU, FULL) is None


@pytest.mark.parametrize("lora", [FULL, ADAPTERS])
def test_rates_are_measured_and_leave_random_numbers_and_gradients_alone(lora):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    config = recipes.tiny()
    work = work_of(config, [(5, 6, 7, 8)] * 8)
    for dtype in (torch.float32, torch.bfloat16):
        rates = measured(resolve("tiny"), model_size(dtype, lora), work, dtype, CPU, lora)
        assert rates is not None
        measures = (rates.forward, rates.update, rates.score, rates.head_gradient, rates.step)
        assert all(0 < rate < math.inf for rate in measures)
    assert torch.equal(torch.rand(1), expected)


def test_a_piece_has_the_layers_asked_for_and_finite_numbers():
    piece = calibrate._piece(resolve("tiny"), 1, dtype=torch.float32, device=CPU, lora=FULL)
    assert piece.module.config.num_hidden_layers == 1
    assert sum(p.numel() for p in piece.module.parameters()) == 64 * 64 + LAYER + 3 * 64
    rows = TokenRows(((5, 6),), ((7, 8, 9),))
    assert piece.states(rows).isfinite().all()


def test_a_piece_has_adapters_as_the_model_has_also_where_they_lie_further_up():
    for layers, count in (("all", 7), ("q_proj", 1), (r"layers\.1\.", 7)):
        lora = LoraConfig(rank=4, layers=layers)
        piece = calibrate._piece(resolve("tiny"), 1, dtype=torch.bfloat16, device=CPU, lora=lora)
        assert len(lora_layers(piece.module)) == count
        assert {p.dtype for p in piece.module.parameters()} == {torch.bfloat16}


def test_the_share_of_other_programs_is_of_all_processors(monkeypatch):
    # In 10 s on 4 processors all programs together took 26 s, and 6 s were this one's: 20 of 40.
    used = iter([(100.0, 1.0, 50.0), (110.0, 7.0, 76.0)])
    monkeypatch.setattr(calibrate, "_used", lambda: next(used))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    work = work_of(recipes.tiny(), [(5, 6, 7)] * 8)
    rates = measured(resolve("tiny"), model_size(), work, torch.float32, CPU, FULL)
    assert rates is not None and rates.others == 0.5


def test_a_model_that_cannot_be_cut_has_no_time(monkeypatch):
    def refuses(*_, **__):
        raise ValueError("layer_types must have 30 entries")

    monkeypatch.setattr(calibrate, "blank", refuses)
    work = work_of(recipes.tiny(), [(5, 6, 7)] * 8)
    assert measured(resolve("tiny"), model_size(), work, torch.float32, CPU, FULL) is None
