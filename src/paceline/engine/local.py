"""The local engine: decodes with the trained parameters themselves, so weights are never stale.

A prompt goes through the model once for its whole group; finished rows are dropped from the batch.

Legend: Q prompts, R rows being decoded, S positions in the cache, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import DynamicCache

from .. import chance
from ..layout import pad_left
from ..model import Policy
from ..model.padded import prefill
from ..types import Completion
from .draw import draw
from .engine import Request, Sampling

DROP_AT = 0.125
"""Finished rows are dropped when they are this share of the batch: dropping copies the cache."""


@dataclass(slots=True)
class _Row:
    """A completion in the making."""

    request: int
    stream: int
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finished: bool = False


class LocalEngine:
    """Decodes in the trainer's own process with a policy's own parameters.

    Args:
        policy: whose parameters decode.
        rows_at_once: the most rows decoded together. Memory and speed only.
    """

    def __init__(self, policy: Policy, *, rows_at_once: int = 128) -> None:
        self.policy, self.rows_at_once = policy, rows_at_once

    def load(self, policy: Policy) -> None:
        self.policy = policy

    @torch.inference_mode()
    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[list[Completion]]:
        rows = [_Row(i, stream) for i, r in enumerate(requests) for stream in r.streams]
        # Prompts of near-equal length decode together, so that little of the cache is padding.
        by_length = sorted(
            rows, key=lambda row: (len(requests[row.request].prompt_ids), row.request)
        )
        for start in range(0, len(rows), self.rows_at_once):
            self._decode(by_length[start : start + self.rows_at_once], requests, sampling)
        answers: list[list[Completion]] = [[] for _ in requests]
        for row in rows:
            answers[row.request].append(self._completion(row))
        return answers

    def _decode(self, rows: list[_Row], requests: Sequence[Request], sampling: Sampling) -> None:
        """Fill in a block of rows, from prefill to the last stop token."""
        wanted = {i: place for place, i in enumerate(dict.fromkeys(row.request for row in rows))}
        prompts = [requests[i].prompt_ids for i in wanted]
        device = self.policy.device
        real_QP = pad_left([[1] * len(p) for p in prompts]).to(device)
        prefilled = prefill(self.policy.module, pad_left(prompts).to(device), real_QP)
        prompt_R = torch.tensor([wanted[row.request] for row in rows], device=device)
        # All rows of a group draw their first token from one row of logits.
        logits_RV, real_RS = self.policy.logits(prefilled.last_QD)[prompt_R], real_QP[prompt_R]
        cache = prefilled.cache
        cache.batch_select_indices(prompt_R)
        live = rows
        for position in range(sampling.max_tokens):
            token_R = self._sample(live, logits_RV, position, sampling)
            finished = [row.finished for row in live]
            if all(finished) or position + 1 == sampling.max_tokens:
                return
            if sum(finished) >= DROP_AT * len(live):
                keep_R = torch.tensor([i for i, f in enumerate(finished) if not f])
                keep_R = keep_R.to(real_RS.device)
                live = [row for row in live if not row.finished]
                token_R, real_RS = token_R[keep_R], real_RS[keep_R]
                cache.batch_select_indices(keep_R)
            real_RS = torch.cat([real_RS, real_RS.new_ones(len(live), 1)], dim=1)
            logits_RV = self._forward(token_R[:, None], real_RS, cache)

    def _forward(self, ids_R1: Tensor, real_RS: Tensor, cache: DynamicCache) -> Tensor:
        """Logits [R, V] behind one more token of every row."""
        hidden_R1D = self.policy.backbone(
            input_ids=ids_R1,
            attention_mask=real_RS,
            position_ids=real_RS.sum(-1, keepdim=True) - 1,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        return self.policy.logits(hidden_R1D[:, 0])

    def _sample(
        self, live: list[_Row], logits_RV: Tensor, position: int, sampling: Sampling
    ) -> Tensor:
        """Draw the token at `position` of every live row and write it into the row."""
        uniform_R = torch.tensor([chance.uniform(row.stream, position) for row in live])
        token_R, logprob_R = draw(logits_RV, uniform_R.to(logits_RV.device), sampling)
        for row, token, logprob in zip(live, token_R.tolist(), logprob_R.tolist(), strict=True):
            if not row.finished:  # a finished row stays in the batch until it is worth dropping
                row.token_ids.append(token)
                row.logprobs.append(logprob)
                row.finished = token in self.policy.stop_ids
        return token_R

    def _completion(self, row: _Row) -> Completion:
        return Completion(
            token_ids=tuple(row.token_ids),
            logprobs=tuple(row.logprobs),
            text=self.policy.tokenizer.decode(row.token_ids, skip_special_tokens=True),
            finish="stop" if row.finished else "length",
            policy_version=self.policy.version,
        )
