"""Choosing tokens: one uniform number a row, by inverse CDF, in fp32.

Legend: R rows being decoded, V vocabulary.
"""

import torch
from torch import Tensor

from .engine import Sampling


def draw(logits_RV: Tensor, uniform_R: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Choose a token for every row.

    Args:
        logits_RV: the head's logits, any float dtype, not yet divided by the temperature.
        uniform_R: numbers in [0, 1), fp32.

    Returns: token_R and the log-probability of each in the distribution sampled from; for greedy
    decoding, where that is a point, the one at temperature 1.
    """
    logits_RV = logits_RV.float()
    if not sampling.greedy:
        logits_RV = logits_RV / sampling.temperature
        if not sampling.full_support:
            logits_RV = logits_RV.masked_fill(~_support(logits_RV, sampling), float("-inf"))
    log_p_RV = logits_RV.log_softmax(-1)
    greedy = sampling.greedy
    token_R = logits_RV.argmax(-1) if greedy else _inverse_cdf(log_p_RV.exp(), uniform_R)
    return token_R, log_p_RV.gather(-1, token_R[:, None])[:, 0]


def _inverse_cdf(p_RV: Tensor, uniform_R: Tensor) -> Tensor:
    """The first token whose cumulative probability exceeds the uniform number.

    The number is scaled by the last cumulative value, which fp32 sums do not bring to exactly 1,
    and kept below it, so that a token of probability 0 is never taken.
    """
    cdf_RV = p_RV.cumsum(-1)
    total_R = cdf_RV[:, -1]
    below_R = torch.nextafter(total_R, torch.zeros_like(total_R))
    point_R = torch.minimum(uniform_R * total_R, below_R)
    return torch.searchsorted(cdf_RV, point_R[:, None], right=True)[:, 0]


def _support(logits_RV: Tensor, sampling: Sampling) -> Tensor:
    """[R, V] True where a token may be sampled: top-k, then top-p, then min-p, each of what is
    left.

    Ties go by token id, so that the support does not depend on how a sort breaks them.
    """
    p_RV = logits_RV.softmax(-1)
    ordered_RV, token_RV = p_RV.sort(dim=-1, descending=True, stable=True)
    keep_RV = torch.ones_like(ordered_RV, dtype=torch.bool)
    if sampling.top_k:
        keep_RV[:, sampling.top_k :] = False
    if sampling.top_p < 1:
        left_RV = ordered_RV * keep_RV
        left_RV = left_RV / left_RV.sum(-1, keepdim=True)
        keep_RV &= left_RV.cumsum(-1) - left_RV < sampling.top_p
    if sampling.min_p > 0:
        keep_RV &= ordered_RV >= sampling.min_p * ordered_RV[:, :1]
    return torch.zeros_like(keep_RV).scatter_(-1, token_RV, keep_RV)
