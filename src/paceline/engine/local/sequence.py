"""Sequences: completions that are being decoded.

Legend: R rows of a batch, one for each sequence in it; V vocabulary.
"""

from collections import abc
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ... import rng
from ...model import Policy
from ...settings import Sampling
from ...types import Completion
from ..engine import Finished, Request
from .sampling import sample_token


@dataclass(slots=True)
class Sequence:
    """A completion that is being decoded."""

    request: int
    """The index of the request that it answers."""
    place: int
    """The sequence's index among the request's completions."""
    stream: int
    """The random stream that its tokens are drawn from."""
    limit: int
    """The most tokens that it may have."""
    opened: str = ""
    """The tags that its prompt ends with."""
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stopped: bool = False
    """True if the sequence's last token is a stop token."""
    completion: Completion | None = None
    """The completion that was reported when it was finished."""

    @property
    def finished(self) -> bool:
        return self.stopped or len(self.token_ids) == self.limit


def sequences_of(requests: abc.Sequence[Request], sampling: Sampling) -> abc.Iterator[Sequence]:
    """One sequence for each stream of each request, in order."""
    for i, request in enumerate(requests):
        limits = request.token_limits(sampling)
        for place, (stream, limit) in enumerate(zip(request.streams, limits, strict=True)):
            yield Sequence(i, place, stream, limit, request.opened)


def uniforms(sequences: list[Sequence]) -> Tensor:
    """[R] the random number of each sequence's next token."""
    return torch.tensor([rng.uniform(s.stream, len(s.token_ids)) for s in sequences])


def append_sampled(
    sequences: list[Sequence],
    logits_RV: Tensor,
    sampling: Sampling,
    stop_ids: abc.Sequence[int],
) -> None:
    """Sample the next token of every sequence that is not finished and append it."""
    uniform_R = uniforms(sequences).to(logits_RV.device)
    token_R, logprob_R = sample_token(logits_RV, uniform_R, sampling)
    append(sequences, token_R, logprob_R, stop_ids)


def append(
    sequences: list[Sequence], token_R: Tensor, logprob_R: Tensor, stop_ids: abc.Sequence[int]
) -> None:
    """Append a sampled token to every sequence that is not finished."""
    for sequence, token, logprob in zip(
        sequences, token_R.tolist(), logprob_R.tolist(), strict=True
    ):
        if not sequence.finished:
            sequence.token_ids.append(token)
            sequence.logprobs.append(logprob)
            sequence.stopped = token in stop_ids


def report_finished(sequences: list[Sequence], policy: Policy, finished: Finished | None) -> None:
    """Make the completion of every sequence that has just ended, and report it: each once."""
    for sequence in sequences:
        if sequence.finished and sequence.completion is None:
            sequence.completion = _completion_of(sequence, policy)
            if finished is not None:
                finished(sequence.request, sequence.place, sequence.completion)


def _completion_of(sequence: Sequence, policy: Policy) -> Completion:
    return Completion(
        token_ids=tuple(sequence.token_ids),
        logprobs=tuple(sequence.logprobs),
        text=policy.tokenizer.decode(sequence.token_ids, skip_special_tokens=True),
        finish="stop" if sequence.stopped else "length",
        policy_version=policy.version,
        opened=sequence.opened,
    )


def completions_of(
    sequences: list[Sequence], requests: abc.Sequence[Request]
) -> list[list[Completion]]:
    """The completions of each request, from sequences that were all reported."""
    answers: list[list[Completion]] = [[] for _ in requests]
    for sequence in sequences:
        assert sequence.completion is not None
        answers[sequence.request].append(sequence.completion)
    return answers
