"""Decoding with the model's own cache, for models that the packed layout does not fit.

A prompt goes through the model once for its whole group; finished rows are dropped from the batch.

Legend: Q prompts, R rows being decoded, S positions in the cache, V vocabulary.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from ..layout import pad_left
from ..model import Policy
from ..model.padded import prefill
from ..settings import Sampling
from .engine import Request
from .rows import Row, Telling, append_drawn

DROP_AT = 0.125
"""Finished rows are dropped when they are this share of the batch: dropping copies the cache."""


def decode(
    policy: Policy,
    requests: Sequence[Request],
    sampling: Sampling,
    rows: Sequence[Row],
    rows_at_once: int,
    tell: Telling,
) -> None:
    """Fill in every row, to its last token."""
    # Prompts of near-equal length decode together, so that little of the cache is padding.
    by_length = sorted(rows, key=lambda row: (len(requests[row.request].prompt_ids), row.request))
    for start in range(0, len(rows), rows_at_once):
        _block(policy, requests, sampling, by_length[start : start + rows_at_once], tell)


def _block(
    policy: Policy,
    requests: Sequence[Request],
    sampling: Sampling,
    rows: Sequence[Row],
    tell: Telling,
) -> None:
    """Some rows, from prefill to the last stop token."""
    wanted = {i: place for place, i in enumerate(dict.fromkeys(row.request for row in rows))}
    prompts = [requests[i].prompt_ids for i in wanted]
    real_QP = pad_left([[1] * len(p) for p in prompts]).to(policy.device)
    prefilled = prefill(policy.module, pad_left(prompts).to(policy.device), real_QP)
    prompt_R = torch.tensor([wanted[row.request] for row in rows], device=policy.device)
    # All rows of a group draw their first token from one row of logits.
    logits_RV, real_RS = policy.logits(prefilled.last_QD)[prompt_R], real_QP[prompt_R]
    cache = prefilled.cache
    cache.batch_select_indices(prompt_R)
    live = list(rows)
    while True:
        append_drawn(live, logits_RV, sampling, policy.stop_ids)
        tell(live)
        finished = [row.finished for row in live]
        if all(finished):
            return
        if sum(finished) >= DROP_AT * len(live):
            keep = [i for i, f in enumerate(finished) if not f]
            live = [live[i] for i in keep]
            keep_R = torch.tensor(keep, device=policy.device)
            real_RS = real_RS[keep_R]
            cache.batch_select_indices(keep_R)
        real_RS = torch.cat([real_RS, real_RS.new_ones(len(live), 1)], dim=1)
        token_R1 = torch.tensor([[row.token_ids[-1]] for row in live], device=policy.device)
        logits_RV = _forward(policy, token_R1, real_RS, cache)


def _forward(policy: Policy, ids_R1: Tensor, real_RS: Tensor, cache: DynamicCache) -> Tensor:
    """Logits [R, V] behind one more token of every row."""
    hidden_R1D = policy.backbone(
        input_ids=ids_R1,
        attention_mask=real_RS,
        position_ids=real_RS.sum(-1, keepdim=True) - 1,
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return policy.logits(hidden_R1D[:, 0])
