"""The part of a policy that a scorer has too: states, and what learns."""

import pytest
import torch

from paceline.layout import PACKED, PADDED
from paceline.model import trainable
from paceline.model.trainable import Learned, spread
from tests.helpers.adapters import adapted_policy
from tests.helpers.families import family
from tests.helpers.policies import tiny_policy
from tests.helpers.rows import ROWS
from tests.helpers.scorers import scorer_of


def test_states_are_those_before_each_token_in_either_layout():
    model = scorer_of("llama")
    assert model.layout is PACKED
    packed_MD = model.states(ROWS)
    model.layout = PADDED
    torch.testing.assert_close(model.states(ROWS), packed_MD, rtol=1e-4, atol=1e-5)
    hidden = family("llama").base_model(torch.tensor([[5, 6, 7, 10, 11, 12, 2]])).last_hidden_state
    # The first row: three tokens of prompt, four of completion; the last predicts nothing.
    torch.testing.assert_close(packed_MD[:4], hidden[0, 2:6], rtol=1e-4, atol=1e-5)


def test_a_model_that_the_packed_layout_does_not_fit_takes_the_padded_one(monkeypatch):
    monkeypatch.setattr(trainable, "supports", lambda module: False)
    assert tiny_policy().layout is PADDED


def test_numbers_are_spread_from_left_to_right():
    x_M = torch.arange(1.0, 21.0)
    spread_BT = spread(x_M, ROWS)
    assert spread_BT.shape == (6, 9)
    assert spread_BT[0].tolist() == [1, 2, 3, 4, 0, 0, 0, 0, 0]
    assert spread_BT[1].tolist() == [5] + 8 * [0]
    assert spread_BT[5].tolist() == [18, 19, 20, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("masters", [False, True])
def test_any_module_learns_and_is_restored_exactly(masters):
    module = torch.nn.Linear(3, 2).to(torch.bfloat16 if masters else torch.float32)
    module.bias.requires_grad_(False)
    exact = {"weight": torch.full((2, 3), 1.001)} if masters else None
    one = Learned(module, exact)
    assert list(one.trained()) == ["weight"] and list(one.frozen()) == ["bias"]
    assert not one.adapted
    one.restore({"weight": torch.full((2, 3), 2.001)})
    assert one.exact_parameters()["weight"].flatten().tolist() == pytest.approx(6 * [2.001])
    # Between 2 and 4 bf16 has steps of 1/64.
    assert module.weight.flatten().tolist() == pytest.approx(6 * [2.0 if masters else 2.001])


def test_what_is_under_adapters_is_frozen():
    policy = adapted_policy()
    assert policy.adapted and "model.embed_tokens.weight" in policy.frozen()
    assert not policy.frozen().keys() & policy.trained().keys()
    assert policy.context_length == 512
