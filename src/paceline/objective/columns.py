"""The columns of a round as tensors in float64, and the arithmetic that several advantages share.

Letters: B rows of the round, T the longest completion, K rows of one group, N tokens of the round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..lazy import torch
from ..types import Round

if TYPE_CHECKING:
    from torch import Tensor


def sampled_tokens(round: Round) -> Tensor:
    """[B, T] bool: the tokens that the model itself sampled, False beyond a row's end."""
    mask_BT = torch.zeros(len(round.rollouts), max(round.lengths, default=0), dtype=torch.bool)
    for i, rollout in enumerate(round.rollouts):
        sampled = rollout.completion.sampled
        length = len(rollout.completion.token_ids)
        mask_BT[i, :length] = True if sampled is None else torch.as_tensor(sampled).bool()
    return mask_BT


def returns_of(round: Round) -> Tensor:
    """[B] the returns: each reward less its row's whole penalty."""
    return torch.tensor(round.returns, dtype=torch.float64)


def by_group(round: Round, rule: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """[B] rule(returns_K, tokens_K) of each group, or exact zeros where its returns are equal."""
    sizes = [len(group.rollouts) for group in round.groups]
    tokens_B = sampled_tokens(round).sum(-1).double()
    a_B = torch.zeros(len(tokens_B), dtype=torch.float64)
    # The pieces of a_B are views, so that writing to them fills it.
    for a_K, r_K, n_K in zip(
        a_B.split(sizes), returns_of(round).split(sizes), tokens_B.split(sizes), strict=True
    ):
        if len(r_K) > 1 and r_K.max() != r_K.min():
            a_K.copy_(rule(r_K, n_K))
    return a_B


def standardised(x_N: Tensor, ddof: int, eps: float) -> Tensor:
    """[N] (x − mean) / (std + eps), or exact zeros where nothing differs."""
    if len(x_N) < 2 or x_N.max() == x_N.min():
        return torch.zeros_like(x_N)
    return (x_N - x_N.mean()) / (x_N.std(correction=ddof) + eps)


def padded(rows: Sequence[Sequence[float]], round: Round) -> Tensor:
    """[B, T] a ragged per-token column in float64, zeros beyond each row's end."""
    x_BT = torch.zeros(len(round.rollouts), max(round.lengths, default=0), dtype=torch.float64)
    for i, (row, length) in enumerate(zip(rows, round.lengths, strict=True)):
        if len(row) != length:
            raise ValueError(
                f"Row {i} has {length} tokens but {len(row)} entries in a per-token column."
            )
        x_BT[i, :length] = torch.as_tensor(row, dtype=torch.float64)
    return x_BT


def check_scale(part: object, ddof: int, eps: float) -> None:
    """Raise ConfigError for a `ddof` or `eps` that no deviation can take."""
    name = type(part).__name__
    if ddof not in (0, 1):
        raise ConfigError(f"{name} needs ddof 0 (population) or 1 (sample), not {ddof}.")
    if not (math.isfinite(eps) and eps >= 0):
        raise ConfigError(f"{name} needs an eps of at least 0, not {eps}.")
