"""The tiny model's sizes, worked by hand, and the work of configs with it."""

import torch

from paceline.model import resolve
from paceline.model.model_size import ModelSize
from paceline.preflight.workload import Workload
from paceline.settings import LoraConfig

CPU = torch.device("cpu")
LAYER = 64 * 64 + 2 * 64 * 32 + 64 * 64 + 3 * 64 * 128
"""Weights of a layer, 36,864: width 64 with 4 query heads on 2 key heads of 16, inner width 128."""
TINY = 82 * 64 + 2 * (LAYER + 2 * 64) + 64
"""Weights of the model, 79,296: two layers, 82 words; the output layer is the embedding."""


def model_size(dtype: torch.dtype = torch.float32, lora: LoraConfig | None = None) -> ModelSize:
    return ModelSize.of(resolve("tiny"), dtype, lora)


def work_of(config, prompts, heldout: int = 10, objective=None) -> Workload:
    """The work of a config with these prompts, as token ids."""
    return Workload.of(config, objective or config.objective, model_size(), prompts, heldout)
