"""Memory that training holds throughout, counted by hand for the tiny model."""

import pytest
import torch

from paceline import recipes
from paceline.model import load_policy, load_tokenizer, resolve
from paceline.model.model_size import ModelSize
from paceline.objective import named
from paceline.preflight.held import Beside, Held, held_by
from paceline.settings import LoraConfig
from tests.helpers.work import LAYER, TINY, model_size

ADAPTERS = 2 * 4 * (128 + 96 + 96 + 128 + 3 * 192)
"""Parameters of adapters of rank 4: of q, k, v, o and the three of the inner layer, twice."""


def held(dtype, *, lora=None, reference=False, config=None) -> Held:
    sizes = model_size(dtype, lora)
    return held_by(config or recipes.tiny(), sizes, dtype, reference=reference)


@pytest.mark.parametrize(
    ("dtype", "bytes_each"), [(torch.float32, 4 + 4 + 8), (torch.bfloat16, 2 + 4 + 4 + 8)]
)
def test_full_weights(dtype, bytes_each):
    assert held(dtype).fixed == TINY * bytes_each
    assert held(dtype, reference=True).reference == TINY * dtype.itemsize


@pytest.mark.parametrize(
    ("dtype", "bytes_each"), [(torch.float32, 4 + 8), (torch.bfloat16, 4 + 4 + 8)]
)
def test_adapters_cost_what_full_weights_cost_and_the_model_what_it_is(dtype, bytes_each):
    found = held(dtype, lora=LoraConfig(rank=4), reference=True)
    assert found.weights == (TINY + ADAPTERS) * dtype.itemsize
    # The reference is the policy with another adapter: no second copy.
    assert found.reference == ADAPTERS * dtype.itemsize
    assert found.fixed - found.weights - found.reference == ADAPTERS * bytes_each


def test_a_soft_reference_keeps_its_average():
    config = recipes.tiny().with_(reference={"alpha": 0.5, "every": 2})
    assert held(torch.bfloat16, reference=True, config=config).reference == TINY * (2 + 4)


@pytest.mark.parametrize(("kind", "bytes_each"), [("nf4", 0.5 + 1 / 64 + 1 / 4096), ("int8", 1)])
def test_quantised_weights_are_all_but_embedding_output_layer_and_norms(kind, bytes_each):
    config = recipes.tiny().with_(model={"quantisation": kind})
    found = held(torch.bfloat16, lora=LoraConfig(rank=4), config=config)
    inner = 2 * LAYER
    assert found.weights == int(inner * bytes_each) + 2 * (TINY - inner + ADAPTERS)
    source = resolve("tiny")
    policy = load_policy(
        source,
        load_tokenizer(source),
        dtype=torch.bfloat16,
        lora=LoraConfig(rank=4),
        quantisation=kind,
    )  # as they are: beside scales of a few bytes a layer
    size = sum(t.nbytes for t in policy.frozen().values()) + 2 * ADAPTERS
    assert found.weights <= size <= 1.05 * found.weights


def test_moments_of_8_bits_and_what_is_offloaded():
    thrifty = recipes.tiny().with_(optimizer={"moments": "8bit"})
    coarse = held(torch.bfloat16, config=thrifty)
    assert coarse.moments == int(2 * TINY * (1 + 4 / 256))
    away = held(torch.bfloat16, config=thrifty.with_(optimizer={"offload": True}))
    assert (away.masters, away.gradients, away.moments) == (0, 0, 0)
    assert away.fixed == TINY * 2 and away.host == 8 * TINY + coarse.moments
    # In fp32, too, the masters are then others than the parameters.
    exact = held(torch.float32, config=recipes.tiny().with_(optimizer={"offload": True}))
    assert (exact.fixed, exact.host) == (TINY * 4, TINY * 16)


def held_beside(dtype, critic, *, lora=None, own=None, config=None) -> Held:
    start = config or recipes.tiny()
    config = start.with_(objective=named.ppo(), critic=critic)
    return held_by(
        config, model_size(dtype, lora), dtype, reference=False, beside=Beside(critic=own)
    )


def test_a_shared_critic_is_a_head_in_fp32_and_an_own_one_is_a_model():
    assert held(torch.bfloat16).critic == 0
    shared = held_beside(torch.bfloat16, {})
    # Weights, a gradient and two moments of 64 numbers.
    assert shared.critic == 4 * 64 * 4 and shared.fixed == TINY * 18 + shared.critic
    own = ModelSize.of(resolve("tiny"), torch.bfloat16, layers=1, scores=True)
    body = TINY - (LAYER + 2 * 64) + 64
    found = held_beside(torch.bfloat16, {"body": "own", "layers": 1}, own=own)
    assert found.critic == body * (2 + 4 + 4 + 8)
    away = recipes.tiny().with_(optimizer={"offload": True})
    found = held_beside(torch.bfloat16, {"body": "own", "layers": 1}, own=own, config=away)
    assert found.critic == body * 2 and found.host == (TINY + body) * 16


def test_under_adapters_a_critic_computes_with_the_policys_weights_or_its_own_file():
    lora = LoraConfig(rank=4)
    own = ModelSize.of(resolve("tiny"), torch.bfloat16, lora, scores=True)
    config = recipes.tiny().with_(lora={"rank": 4})
    over, beside = (
        held_beside(torch.bfloat16, critic, lora=lora, own=own, config=config).critic
        for critic in ({"body": "own"}, {"body": "own", "path": "x"})
    )
    assert over == (ADAPTERS + 64) * (2 + 4 + 4 + 8)
    assert beside - over == (TINY + 64) * 2


def test_a_reference_of_its_own_is_all_its_weights_and_a_line_search_a_copy_of_what_learns():
    config = recipes.tiny().with_(reference={"path": "tiny"})
    sizes = model_size(torch.bfloat16, LoraConfig(rank=4))
    teacher = Beside(teacher=model_size(torch.bfloat16))
    alone, taught = (
        held_by(config, sizes, torch.bfloat16, reference=True, beside=beside).reference
        for beside in (Beside(), teacher)
    )
    assert (alone, taught) == (2 * ADAPTERS, 2 * TINY)
    plain = held(torch.float32)
    searched = held(torch.float32, config=recipes.tiny().with_(optimizer={"trust": 0.01}))
    assert searched.masters - plain.masters == searched.fixed - plain.fixed == 4 * TINY
