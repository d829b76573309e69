"""Held-out problems and the run's own greedy answers to them: what every reader's answers are held
against.

Legend: M answers' tokens, one row after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..engine import Request
from ..layout import TokenRows
from ..model import Policy
from ..preflight.load import Loaded, evaluation_sampling
from ..run import build
from ..types import Message
from .readers.protocol import Answer, without_end

ROWS_AT_ONCE = 16
"""Answers whose logits are formed together."""


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The likeliest token beside the one that an answer took.

    Example: RunnerUp(token_id=35, distance=0.02, ends=False, rounding=0.2)
    """

    token_id: int
    distance: float
    """Nats by which it is less likely; below 0 where rounding made the engine take the less likely
    one."""
    ends: bool
    """True if it would have ended the answer."""
    rounding: float = 0.0
    """Size of the larger of the two logits, times the relative precision of the number format that
    the model is computed with."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A held-out problem with the run's own greedy answer."""

    conversation: tuple[Message, ...]
    """The problem as the task asks it."""
    answer: Answer
    runners_up: tuple[RunnerUp, ...]
    """For each token of the answer, and for the one that ends it."""


def probes_of(
    loaded: Loaded, policy: Policy, conversations: Sequence[Sequence[Message]]
) -> list[Probe]:
    """Held-out problems as a task asks them, answered greedily by our engine."""
    prompts = [policy.render(one) for one in conversations]
    engine = build.engine_of(loaded, policy)
    sampling = evaluation_sampling(loaded.config).as_greedy()
    completions = [one for (one,) in engine.generate([Request(p, (0,)) for p in prompts], sampling)]
    runners_up = _runners_up(
        policy, [p.token_ids for p in prompts], [c.token_ids for c in completions]
    )
    return [
        Probe(tuple(conversation), _answer(policy, prompt.token_ids, completion.token_ids), beside)
        for conversation, prompt, completion, beside in zip(
            conversations, prompts, completions, runners_up, strict=True
        )
    ]


def _answer(policy: Policy, prompt: Sequence[int], tokens: Sequence[int]) -> Answer:
    kept = without_end(tokens, policy.stop_ids)
    return Answer(tuple(prompt), kept, policy.tokenizer.decode(kept, skip_special_tokens=True))


@torch.no_grad()
def _runners_up(
    policy: Policy, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
) -> list[tuple[RunnerUp, ...]]:
    found: list[tuple[RunnerUp, ...]] = []
    for start in range(0, len(prompts), ROWS_AT_ONCE):
        few = slice(start, start + ROWS_AT_ONCE)
        rows = TokenRows(tuple(prompts[few]), tuple(answers[few]))
        logits_MV = policy.logits(policy.states(rows))
        taken_M = rows.targets(policy.device)
        own_M = logits_MV.gather(1, taken_M[:, None])[:, 0]
        best_M, token_M = logits_MV.scatter(1, taken_M[:, None], -torch.inf).max(dim=1)
        ends = (token in policy.stop_ids for token in token_M.tolist())
        distance_M = (own_M - best_M).tolist()
        size_M = torch.maximum(own_M.abs(), best_M.abs()).float()
        rounding_M = (torch.finfo(policy.dtype).eps * size_M).tolist()
        beside = map(RunnerUp, token_M.tolist(), distance_M, ends, rounding_M)
        found += [tuple(next(beside) for _ in answer) for answer in answers[few]]
    return found
