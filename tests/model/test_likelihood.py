"""The likelihood of tokens, and whether they are the likeliest."""

import torch
from torch.testing import assert_close

from paceline.layout import TokenRows
from paceline.model.likelihood import likelihoods
from tests.helpers.policies import tiny_policy

ROWS = TokenRows(((1, 5, 6), (1, 5, 6), (7, 8)), ((9, 10, 2), (11, 2), (12, 13, 14, 2)))


def test_they_are_those_of_transformers_a_row_at_a_time():
    policy = tiny_policy(train=False)
    logp_M, likeliest_M = likelihoods(policy, ROWS)
    expected, best = list[torch.Tensor](), list[torch.Tensor]()
    for prompt, completion in zip(ROWS.prompts, ROWS.completions, strict=True):
        ids = torch.tensor([[*prompt, *completion]])
        with torch.no_grad():
            logits_TV = policy.module(ids).logits[0, len(prompt) - 1 : -1].float()
        target_T = torch.tensor(completion)
        expected.append(logits_TV.log_softmax(-1).gather(1, target_T[:, None])[:, 0])
        best.append(logits_TV.argmax(-1) == target_T)
    assert_close(logp_M, torch.cat(expected), rtol=1e-5, atol=1e-5)
    assert torch.equal(likeliest_M, torch.cat(best))


def test_the_likeliest_tokens_are_found():
    policy = tiny_policy(train=False)
    with torch.no_grad():
        first = int(policy.module(torch.tensor([[1, 5, 6]])).logits[0, -1].argmax())
    rows = TokenRows(((1, 5, 6), (1, 5, 6)), ((first, 2), (first + 1, 2)))
    assert likelihoods(policy, rows)[1][[0, 2]].tolist() == [True, False]
