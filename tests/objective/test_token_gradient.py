"""The loss's gradient at tokens, from their own scores, by hand."""

import torch
from torch.testing import assert_close

from paceline.objective import Clip, Objective, SequenceRatio, TokenRatio, Tokens, token_gradient
from paceline.objective.advantage import Center

LOGP_M = torch.tensor([-1.0, -2.0, -0.5])
"""Row 0 has two tokens, row 1 one: M places, row by row."""
REAL_BT = torch.tensor([[True, True], [True, False]])


def tokens(anchor_BT):
    return Tokens(
        mask_BT=REAL_BT,
        anchor_BT=anchor_BT,
        old_BT=torch.zeros(2, 2),
        ref_BT=None,
        advantage_BT=torch.tensor([[2.0, 2.0], [-1.0, -1.0]]),
        weight_BT=torch.full((2, 2), 0.25),
    )


def objective(ratio, **parts):
    return Objective(advantage=Center(), surrogate=Clip(0.2), ratio=ratio, **parts)


def test_with_token_ratios_it_takes_the_scores_of_those_tokens_alone():
    anchor_BT = torch.tensor([[-1.0, -2.0 - 0.5], [-0.5, 0.0]])
    found = token_gradient(objective(TokenRatio()), tokens(anchor_BT), REAL_BT)
    assert found is not None
    # −weight · advantage · ratio: the first ratio is 1; the second is e^0.5 = 1.65 and clipped.
    grad_logp, grad_entropy = found(slice(0, 2), LOGP_M[:2], torch.zeros(2))
    assert_close(grad_logp, torch.tensor([-0.5, 0.0]))
    assert grad_entropy is None
    grad_logp, _ = found(slice(2, 3), LOGP_M[2:], torch.zeros(1))
    assert_close(grad_logp, torch.tensor([0.25]))


def test_an_entropy_bonus_has_a_gradient_of_its_own():
    anchor_BT = torch.tensor([[-1.0, -2.0], [-0.5, 0.0]])
    found = token_gradient(objective(TokenRatio(), entropy=0.4), tokens(anchor_BT), REAL_BT)
    assert found is not None
    _, grad_entropy = found(slice(0, 3), LOGP_M, torch.zeros(3))
    assert_close(grad_entropy, torch.full((3,), -0.25 * 0.4))


def test_a_ratio_of_whole_rows_is_known_only_without_an_anchor():
    shared = objective(SequenceRatio())
    assert token_gradient(shared, tokens(torch.zeros(2, 2)), REAL_BT) is None
    found = token_gradient(shared, tokens(None), REAL_BT)
    assert found is not None
    # Every ratio is 1. A row's is the mean of its tokens' log-ratios, each token has 1/T of it, and
    # the row's T gains have a weight of 0.25 each: −0.25 · advantage for every token.
    grad_logp, grad_entropy = found(slice(0, 3), LOGP_M, torch.zeros(3))
    assert_close(grad_logp, torch.tensor([-0.5, -0.5, 0.25]))
    assert grad_entropy is None
