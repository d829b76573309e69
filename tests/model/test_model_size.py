"""What a model is made of, counted by hand for the tiny one and held to the real modules."""

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from transformers import StableLmConfig

from paceline.layout import Packed, TokenRows
from paceline.model import resolve, tiny
from paceline.model.attention import PackedAttention, flat_forward
from paceline.model.model_size import ModelSize
from paceline.settings import LoraConfig
from tests.helpers.families import FAMILIES, SMALL, family
from tests.helpers.policies import tiny_policy

# Two layers of width 64 with 4 query heads on 2 key heads of 16, an inner width of 128, 82 words.
LAYER = 64 * 64 + 2 * 64 * 32 + 64 * 64 + 3 * 64 * 128  # 36,864
TINY = 82 * 64 + 2 * (LAYER + 2 * 64) + 64  # 79,296: the output layer is the embedding


def test_the_outline_of_the_tiny_model():
    norm = 64 * 4 + 4 + 64 * 4  # in fp32: its input, 1 / its size, and the input divided by it
    layer = (
        2 * (norm + 64 * 4)  # two norms, and what each gives to linear layers
        + 4 * (64 + 32 + 32 + 64)  # queries, keys, values, and what attention makes of them
        + 4 * 4  # a log-sum-exp a head
        + 4 * 4 * 128  # the gate before and after its activation, the other half, their product
    )
    # Beside them a token's id, and the cosines and sines of its position (16 each).
    kept = 2 * layer + norm + 8 + 2 * 16 * 4
    assert ModelSize.of(resolve("tiny"), torch.float32) == ModelSize(
        parameters=TINY, linear=82 * 64 + 2 * LAYER, layers=2, width=64, words=82,
        cache=2 * 2 * 2 * 16, activation_bytes=kept, context=512, packed=True,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    # Masks of windows that bind and soft-caps are matrices of their own; Phi and NeoX keep a
    # product that holds queries, keys and values in one.
    "name",
    [n for n in FAMILIES if n not in ("mistral-window", "gemma2", "gemma3")],
)
def test_what_a_token_leaves_behind_is_what_the_real_modules_keep(name, dtype, tmp_path):
    module = family(name).to(dtype)
    module.config.save_pretrained(tmp_path)
    found = ModelSize.of(resolve(str(tmp_path)), dtype)
    assert found.parameters == sum(p.numel() for p in module.parameters())
    rows = TokenRows(((5, 6, 7, 8),) * 4, (tuple(range(10, 34)),) * 4)
    packed = Packed.of(rows)
    own = {p.untyped_storage()._cdata for p in module.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(x: torch.Tensor) -> torch.Tensor:
        if x.untyped_storage()._cdata not in own:
            kept.setdefault(x.untyped_storage()._cdata, x)
        return x

    with saved_tensors_hooks(keep, lambda x: x):
        flat_forward(module, packed.ids_N, packed.position_N, PackedAttention(packed))
    real = sum(x.untyped_storage().nbytes() for x in kept.values()) / len(packed.ids_N)
    assert real <= found.activation_bytes <= 1.1 * real


def test_a_model_that_is_padded_has_a_guessed_outline(tmp_path):
    # StableLM does not hand the layout on to its layers, so its rows are padded.
    StableLmConfig(**{k: v for k, v in SMALL.items() if k != "head_dim"}).save_pretrained(tmp_path)
    found = ModelSize.of(resolve(str(tmp_path)), torch.float32)
    # Inputs and outputs of q, k, v, o and the three of the inner layer, twice, in two layers.
    numbers = 2 * 2 * ((32 + 32) + 2 * (32 + 16) + (32 + 32) + 3 * (32 + 48))
    assert (found.packed, found.cache, found.activation_bytes) == (False, 2 * 2 * 32, 4 * numbers)


def test_the_whole_model_is_as_large_as_its_outline_says():
    policy = tiny_policy(torch.bfloat16)
    assert sum(p.numel() for p in policy.module.parameters()) == TINY
    assert tiny.model().config.tie_word_embeddings
    assert sum(m.nbytes for m in policy.masters.values()) == TINY * 4


def test_the_vocabulary_of_an_outline_needs_no_weights(tmp_path):
    tiny.model().config.save_pretrained(tmp_path)
    assert ModelSize.of(resolve(str(tmp_path)), torch.float32) == ModelSize.of(
        resolve("tiny"), torch.float32
    )


# With adapters


def test_adapters_are_counted_beside_the_model():
    # A of rank rows and B of rank columns, for q, k, v, o and the three of the inner layer.
    sizes = [(64, 64), (32, 64), (32, 64), (64, 64), (128, 64), (128, 64), (64, 128)]
    found = ModelSize.of(resolve("tiny"), torch.float32, LoraConfig(rank=4))
    plain = ModelSize.of(resolve("tiny"), torch.float32, LoraConfig())
    assert found.adapters == found.trained == 2 * sum(4 * (o + i) for o, i in sizes)
    assert (found.adapted, found.adapted_layers) == (2 * LAYER, 14)
    assert (found.parameters, found.linear) == (TINY, 82 * 64 + 2 * LAYER)
    assert (plain.adapters, plain.trained) == (0, TINY)
    some = ModelSize.of(resolve("tiny"), torch.float32, LoraConfig(rank=4, layers="q_proj"))
    assert (some.adapters, some.adapted_layers) == (2 * 4 * (64 + 64), 2)


@pytest.mark.parametrize("name", [n for n in FAMILIES if n != "mistral-window"])
def test_adapters_leave_no_more_for_the_backward_pass_than_full_weights(name, tmp_path):
    """Others keep inputs in fp32 beside the ones in bf16, and need more memory than without."""
    family(name).config.save_pretrained(tmp_path)
    full, adapted = (
        ModelSize.of(resolve(str(tmp_path)), torch.bfloat16, LoraConfig(rank=rank))
        for rank in (0, 2)
    )
    assert 0 < adapted.activation_bytes <= full.activation_bytes
