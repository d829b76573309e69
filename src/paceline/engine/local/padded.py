"""Decoding with the model's own cache, for models that the packed layout does not fit.

A prompt goes through the model once for its whole group; finished sequences are dropped from the
batch.

Legend: Q prompts, R rows of the batch, one for each sequence being decoded; S positions in the
cache, V vocabulary.
"""

from collections import abc

import torch
from torch import Tensor
from transformers import DynamicCache

from ...layout import pad_left
from ...model import Policy
from ...model.padded import prefill
from ...settings import Sampling
from ..engine import Finished, Request
from .sequence import Sequence, append_sampled, report_finished

DROP_AT = 0.125
"""Share of finished sequences in the batch at which they are dropped; dropping copies the cache."""


def decode(
    policy: Policy,
    requests: abc.Sequence[Request],
    sampling: Sampling,
    sequences: list[Sequence],
    rows_at_once: int,
    finished: Finished | None,
) -> None:
    """Decode every sequence to its last token, `rows_at_once` of them together."""
    # Prompts of near-equal length decode together, so that little of the cache is padding.
    by_length = sorted(sequences, key=lambda s: (len(requests[s.request].prompt), s.request))
    for start in range(0, len(sequences), rows_at_once):
        batch = by_length[start : start + rows_at_once]
        _decode_batch(policy, requests, sampling, batch, finished)


def _decode_batch(
    policy: Policy,
    requests: abc.Sequence[Request],
    sampling: Sampling,
    sequences: list[Sequence],
    finished: Finished | None,
) -> None:
    """Decode some sequences, from prefill to the last stop token."""
    wanted = {i: place for place, i in enumerate(dict.fromkeys(s.request for s in sequences))}
    prompts = [requests[i].prompt.token_ids for i in wanted]
    real_QP = pad_left([[1] * len(p) for p in prompts]).to(policy.device)
    prefilled = prefill(policy.module, pad_left(prompts).to(policy.device), real_QP)
    prompt_of_R = torch.tensor([wanted[s.request] for s in sequences], device=policy.device)
    # All sequences of a group sample their first token from one row of logits.
    logits_RV, real_RS = policy.logits(prefilled.last_QD)[prompt_of_R], real_QP[prompt_of_R]
    cache = prefilled.cache
    cache.batch_select_indices(prompt_of_R)
    running = list(sequences)
    while True:
        append_sampled(running, logits_RV, sampling, policy.stop_ids)
        report_finished(running, policy, finished)
        left = [i for i, s in enumerate(running) if not s.finished]
        if not left:
            return
        if len(running) - len(left) >= DROP_AT * len(running):
            running = [running[i] for i in left]
            left_R = torch.tensor(left, device=policy.device)
            real_RS = real_RS[left_R]
            cache.batch_select_indices(left_R)
        real_RS = torch.cat([real_RS, real_RS.new_ones(len(running), 1)], dim=1)
        token_R1 = torch.tensor([[s.token_ids[-1]] for s in running], device=policy.device)
        logits_RV = _forward(policy, token_R1, real_RS, cache)


def _forward(policy: Policy, ids_R1: Tensor, real_RS: Tensor, cache: DynamicCache) -> Tensor:
    """Logits [R, V] after one more token of every row."""
    hidden_R1D = policy.backbone(
        input_ids=ids_R1,
        attention_mask=real_RS,
        position_ids=real_RS.sum(-1, keepdim=True) - 1,
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return policy.logits(hidden_R1D[:, 0])
