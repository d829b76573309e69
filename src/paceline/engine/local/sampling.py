"""Sampling of tokens: one uniform number a row, by inverse CDF, in fp32.

Legend: R rows being decoded, V vocabulary, S stretches of W words.
"""

import torch
from torch import Tensor, nn

from ...settings import Sampling

STRETCH_WORDS = 256
"""Number of words of the vocabulary whose mass is summed before a token is searched among them."""


def sample_token(logits_RV: Tensor, uniform_R: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
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
    top_R = logits_RV.amax(-1)
    mass_RV = logits_RV.sub(top_R[:, None]).exp_()
    if sampling.greedy:
        token_R, total_R = logits_RV.argmax(-1), mass_RV.sum(-1)
    else:
        token_R, total_R = _inverse_cdf(mass_RV, uniform_R)
    chosen_R = logits_RV.gather(-1, token_R[:, None])[:, 0]
    return token_R, chosen_R - top_R - total_R.log()


def _inverse_cdf(mass_RV: Tensor, uniform_R: Tensor) -> tuple[Tensor, Tensor]:
    """The first token whose cumulative mass exceeds the uniform number's share of all mass.

    The search has two steps, the stretch of the vocabulary and then the token within, because a
    running sum over the whole vocabulary costs more than the rest of the sampling. In both, the
    number is kept below the last cumulative value, which it may reach by rounding, so that a token
    of mass 0 is never taken.

    Returns: token_R and the mass of all tokens.
    """
    short = -mass_RV.shape[1] % STRETCH_WORDS
    mass_RSW = nn.functional.pad(mass_RV, (0, short)).unflatten(1, (-1, STRETCH_WORDS))
    before_RS = mass_RSW.sum(-1).cumsum(-1)
    total_R = before_RS[:, -1]
    point_R = _below(uniform_R * total_R, total_R)
    stretch_R1 = torch.searchsorted(before_RS, point_R[:, None], right=True)
    within_RW = mass_RSW.take_along_dim(stretch_R1[..., None], 1)[:, 0].cumsum(-1)
    start_R1 = nn.functional.pad(before_RS, (1, 0)).gather(-1, stretch_R1)
    rest_R = _below(point_R - start_R1[:, 0], within_RW[:, -1])
    place_R1 = torch.searchsorted(within_RW, rest_R[:, None], right=True)
    return (stretch_R1 * STRETCH_WORDS + place_R1)[:, 0], total_R


def _below(point_R: Tensor, end_R: Tensor) -> Tensor:
    return torch.minimum(point_R, torch.nextafter(end_R, torch.zeros_like(end_R)))


def _support(logits_RV: Tensor, sampling: Sampling) -> Tensor:
    """[R, V] True if a token may be sampled: top-k, then top-p, then min-p, each applied to the
    tokens that are left.

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
