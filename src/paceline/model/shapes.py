"""Shapes of well-known models by their size, for the needs of a model that is named by a number of
parameters only. Figures are those of the models' own configs."""

import math
import re
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError

SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([bBmM])")
"""Pattern of a number of parameters, such as 7B or 0.5b."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A dense decoder with grouped queries and a gated inner layer.

    Example: Shape("Qwen2.5-7B", 7.6, 3584, 18944, 28, 28, 4, 152064)
    """

    model: str
    """The model that has this shape."""
    billions: float
    """Billions of parameters."""
    width: int
    """Size of the hidden state."""
    inner: int
    """Size of the inner layer."""
    layers: int
    """Number of layers."""
    heads: int
    """Number of query heads."""
    shared: int
    """Number of key and value heads."""
    words: int
    """Size of the vocabulary."""
    tied: bool = False
    """True if the output layer is the embedding."""
    head: int | None = None
    """Size of a head; None for width / heads."""

    @property
    def config(self) -> Any:
        """A config of transformers with this shape."""
        from transformers import LlamaConfig

        return LlamaConfig(
            vocab_size=self.words,
            hidden_size=self.width,
            intermediate_size=self.inner,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.shared,
            head_dim=self.head or self.width // self.heads,
            max_position_embeddings=32768,
            tie_word_embeddings=self.tied,
        )


SHAPES = (
    Shape("SmolLM2-135M", 0.135, 576, 1536, 30, 9, 3, 49152, tied=True),
    Shape("SmolLM2-360M", 0.36, 960, 2560, 32, 15, 5, 49152, tied=True),
    Shape("Qwen2.5-0.5B", 0.49, 896, 4864, 24, 14, 2, 151936, tied=True),
    Shape("Qwen2.5-1.5B", 1.54, 1536, 8960, 28, 12, 2, 151936, tied=True),
    Shape("Qwen2.5-3B", 3.09, 2048, 11008, 36, 16, 2, 151936, tied=True),
    Shape("Qwen3-4B", 4.02, 2560, 9728, 36, 32, 8, 151936, tied=True, head=128),
    Shape("Qwen2.5-7B", 7.61, 3584, 18944, 28, 28, 4, 152064),
    Shape("Qwen3-8B", 8.19, 4096, 12288, 36, 32, 8, 151936),
    Shape("Qwen2.5-14B", 14.8, 5120, 13824, 48, 40, 8, 152064),
    Shape("Qwen2.5-32B", 32.8, 5120, 27648, 64, 40, 8, 152064),
    Shape("Qwen2.5-72B", 72.7, 8192, 29568, 80, 64, 8, 152064),
)
"""Shapes by size, the smallest first."""


def is_size(name: str) -> bool:
    """True for a number of parameters, such as 7B, and not the name of a model."""
    return SIZE.fullmatch(name) is not None


def shape_of(size: str) -> Shape:
    """The shape whose number of parameters is nearest.

    Raises: ConfigError for a number that is far from all of them.
    """
    found = SIZE.fullmatch(size)
    if found is None:
        raise ConfigError(f"'{size}' is no number of parameters; give one such as 7B.")
    billions = float(found[1]) / (1 if found[2] in "bB" else 1000)
    nearest = min(SHAPES, key=lambda shape: abs(math.log(shape.billions / billions)))
    if not 0.6 < billions / nearest.billions < 1.7:
        sizes = ", ".join(f"{shape.billions:.2g}B" for shape in SHAPES)
        raise ConfigError(
            f"No model of about {size} is known here; give the folder of one, or a size near "
            f"{sizes}."
        )
    return nearest
