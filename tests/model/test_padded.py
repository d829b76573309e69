"""Rows padded to rectangles, against each row alone through the model. M completion tokens of all
rows, D hidden size."""

import pytest
import torch

from paceline.layout import Padded, TokenRows
from paceline.model.padded import padded_states, prefill
from tests.helpers.families import family
from tests.helpers.rows import ROWS


def alone(module, rows: TokenRows) -> torch.Tensor:
    """[M, D] the state that predicts each completion token, row by row without any padding."""
    states = []
    for prompt, completion in zip(rows.prompts, rows.completions, strict=True):
        hidden = module.base_model(torch.tensor([[*prompt, *completion]])).last_hidden_state[0]
        states.append(hidden[len(prompt) - 1 : -1])
    return torch.cat(states)


def prompts_of(padded: Padded):
    return padded.prompt_ids_QP, padded.prompt_real_QP


@pytest.mark.parametrize("name", ["llama", "mistral-window", "gpt-neox"])
def test_states_are_those_of_each_row_alone(name):
    module = family(name)
    ours = padded_states(module, Padded.of(ROWS))
    torch.testing.assert_close(ours, alone(module, ROWS), rtol=1e-4, atol=1e-5)


def test_gradients_reach_the_weights_as_they_do_alone():
    module = family("llama")
    gradients, pull_MD = (
        [],
        torch.randn(len(ROWS.targets()), 32, generator=torch.Generator().manual_seed(1)),
    )
    for states_MD in (padded_states(module, Padded.of(ROWS)), alone(module, ROWS)):
        module.zero_grad()
        (pull_MD * states_MD).sum().backward()
        gradients.append([p.grad.clone() for p in module.base_model.parameters()])
    for a, b in zip(*gradients, strict=True):
        assert (a - b).norm() <= 1e-5 * b.norm().clamp_min(1e-12)


def test_completions_of_one_token_need_the_prompt_alone():
    module = family("llama")
    rows = TokenRows(((5, 6, 7), (8,)), ((9,), (10,)))
    padded = Padded.of(rows)
    ours = padded_states(module, padded)
    assert torch.equal(ours, prefill(module, *prompts_of(padded)).last_QD)
    torch.testing.assert_close(ours, alone(module, rows), rtol=1e-4, atol=1e-5)


def test_a_prompt_goes_through_the_model_once_for_all_its_completions():
    module, padded = family("llama"), Padded.of(ROWS)
    made = prefill(module, *prompts_of(padded))
    # Six rows of three prompts, the longest of eleven tokens.
    assert made.last_QD.shape == (3, 32) and made.cache.get_seq_length() == 11
    for prompt, last_D in zip(((5, 6, 7), (8, 9), (5,) * 11), made.last_QD, strict=True):
        hidden = module.base_model(torch.tensor([prompt])).last_hidden_state[0]
        torch.testing.assert_close(last_D, hidden[-1], rtol=1e-4, atol=1e-5)
