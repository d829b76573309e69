"""Completions in the making."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .. import rng
from ..model import Policy
from ..settings import Sampling
from ..types import Completion
from .draw import draw
from .engine import Finished, Request


@dataclass(slots=True)
class Row:
    """A completion in the making."""

    request: int
    """Which request it answers."""
    place: int
    """Which of the request's completions it is."""
    stream: int
    limit: int
    opened: str = ""
    """The tags that its prompt ends with."""
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stopped: bool = False
    answer: Completion | None = None
    """What was told of it when it was finished."""

    @property
    def finished(self) -> bool:
        return self.stopped or len(self.token_ids) == self.limit

    def completion(self, policy: Policy) -> Completion:
        return Completion(
            token_ids=tuple(self.token_ids),
            logprobs=tuple(self.logprobs),
            text=policy.tokenizer.decode(self.token_ids, skip_special_tokens=True),
            finish="stop" if self.stopped else "length",
            policy_version=policy.version,
            opened=self.opened,
        )


def rows_of(requests: Sequence[Request], sampling: Sampling) -> Iterator[Row]:
    """One row for each stream of each request, in order."""
    for i, request in enumerate(requests):
        limits = request.limits or (sampling.max_tokens,) * len(request.streams)
        for place, (stream, limit) in enumerate(zip(request.streams, limits, strict=True)):
            yield Row(i, place, stream, limit, request.opened)


def uniforms(rows: Sequence[Row]) -> Tensor:
    """[R] the random number of each row's next token."""
    return torch.tensor([rng.uniform(r.stream, len(r.token_ids)) for r in rows])


def append_drawn(
    rows: Sequence[Row], logits_RV: Tensor, sampling: Sampling, stop_ids: Sequence[int]
) -> None:
    """Draw the next token of every row that is not finished and write it into the row."""
    token_R, logprob_R = draw(logits_RV, uniforms(rows).to(logits_RV.device), sampling)
    append(rows, token_R, logprob_R, stop_ids)


def append(
    rows: Sequence[Row], token_R: Tensor, logprob_R: Tensor, stop_ids: Sequence[int]
) -> None:
    """Write a drawn token into every row that is not finished."""
    for row, token, logprob in zip(rows, token_R.tolist(), logprob_R.tolist(), strict=True):
        if not row.finished:
            row.token_ids.append(token)
            row.logprobs.append(logprob)
            row.stopped = token in stop_ids


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells of completions as soon as they are finished, each once."""

    policy: Policy
    finished: Finished | None

    def __call__(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row.finished and row.answer is None:
                row.answer = row.completion(self.policy)
                if self.finished is not None:
                    self.finished(row.request, row.place, row.answer)


def answers_of(rows: Sequence[Row], requests: Sequence[Request]) -> list[list[Completion]]:
    """What an engine gives back, of rows that were all told of."""
    answers: list[list[Completion]] = [[] for _ in requests]
    for row in rows:
        assert row.answer is not None
        answers[row.request].append(row.answer)
    return answers
