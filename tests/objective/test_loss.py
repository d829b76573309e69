"""The protocol that batches and policies ask, and a loss of one's own that has nothing else."""

from dataclasses import dataclass

import pytest
import torch

from paceline.batch import Batch
from paceline.layout import TokenRows
from paceline.model import Policy
from paceline.objective import (
    Criterion,
    Loss,
    Metrics,
    Scores,
    Tokens,
    bradley_terry,
    dpo,
    grpo,
)  # fmt: skip
from paceline.types import Round
from tests.helpers.rounds import ragged_round


@dataclass(frozen=True)
class Likelihood:
    """−Σ log π / N over the rows of a part, whatever was rewarded."""

    tokenwise: bool = False
    needs_reference: bool = False
    needs_anchor_for_advantages: bool = False
    needs_values: bool = False
    whole_groups: bool = False
    drops_signalless: bool = False
    of_scores: bool = False
    reads_ratios_only: bool = False

    def advantages(self, round: Round) -> torch.Tensor:
        return torch.zeros(len(round.rollouts))

    def weights(self, mask_BT: torch.Tensor, group_B: torch.Tensor) -> torch.Tensor:
        assert len(group_B) == len(mask_BT)
        return mask_BT / mask_BT.sum()

    def __call__(self, scores: Scores, tokens: Tokens) -> tuple[torch.Tensor, Metrics]:
        loss = self.value(scores, tokens)
        return loss, Metrics(tokens=int(tokens.mask_BT.sum()), loss=loss.item())

    def value(self, scores: Scores, tokens: Tokens) -> torch.Tensor:
        return -(tokens.weight_BT * scores.logp_BT).sum()

    def penalised(self, round: Round) -> Round:
        return round

    def resolved(self, max_tokens: int) -> "Likelihood":
        return self


# Pyright reads this file, which is how it is known that these are losses, and what a batch weighs.
LOSSES: tuple[Loss, ...] = (grpo(), dpo(), Likelihood())
CRITERIA: tuple[Criterion, ...] = (*LOSSES, bradley_terry())


def gradient(policy: Policy) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in policy.module.parameters() if p.grad is not None])


@pytest.mark.parametrize("tokenwise", [False, True])
def test_a_loss_of_ones_own_trains_as_any_objective(policy: Policy, tokenwise: bool) -> None:
    round, loss = ragged_round(), Likelihood(tokenwise)
    batch = Batch.of(round, range(len(round.groups)), loss)
    total, tokens = 0.0, 0
    for micro in batch.micro(24):
        share, measured = policy.loss(loss, micro, 1.0)
        share.backward()
        total, tokens = total + share.item(), tokens + measured.tokens
    ours = gradient(policy)
    policy.module.zero_grad()
    scores = policy.scores(TokenRows.of(round), 1.0)  # 0 behind the end of a row
    expected = -scores.logp_BT.sum() / sum(round.lengths)
    expected.backward()
    assert tokens == sum(round.lengths) and total == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(ours, gradient(policy), rtol=1e-4, atol=1e-6)
