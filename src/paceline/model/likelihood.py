"""The likelihood of completions that a row brings, and whether each token is the likeliest one.

Legend: B rows, M completion tokens of all rows, one row after the other; D hidden size.
"""

import torch
from torch import Tensor

from ..layout import TokenRows
from .head import Sizes, Weights
from .logits import Chunk, LogitTransform
from .policy import Policy


@torch.no_grad()
def likelihoods(policy: Policy, rows: TokenRows) -> tuple[Tensor, Tensor]:
    """[M] the log-probability of each completion token, in fp32, and [M] True where it is the token
    that greedy decoding would have taken there."""
    hidden_MD, targets_M = policy.states(rows), rows.targets(policy.device)
    transform = LogitTransform.of(policy.module.config, 1.0)
    weights = Weights(policy.head.weight, policy.head.bias)
    chunks = list[tuple[Tensor, Tensor]]()
    step = Sizes.of(policy.head).chunk
    for start in range(0, len(targets_M), step):
        here_C = targets_M[start : start + step]
        chunk = Chunk.of(weights.raw(hidden_MD[start : start + step]), here_C, transform)
        chunks.append((chunk.logp_C, chunk.logits_CV.argmax(-1) == here_C))
    logp, likeliest = zip(*chunks, strict=True)
    return torch.cat(logp), torch.cat(likeliest)
