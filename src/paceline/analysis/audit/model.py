"""The model on the task, for a round or two without learning: the starting point of a run."""

import math
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...model import Policy
from ...preflight.load import Loaded
from ...run import build
from ...tasks import Task
from ...training import Learner
from ...training.clock import Clock
from ...training.parts import Parts, with_logprobs
from ...types import Problem, Rollout, Round
from ...verify.answers.math import last_number, number
from ...verify.calling.pool import VerifierPool

GROUP_SIZES = (4, 8, 16, 32)
"""Sizes of groups that are considered."""
ENOUGH_SIGNAL = 0.5
"""A share of groups with signal that is worth sampling for."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """The results of the model on a sample, and their consequences for a run."""

    problems: int
    completions: int
    rates: tuple[float, ...]
    """Share of right completions of each problem."""
    accuracy: float
    lenient: float
    """Share of completions in which the expected answer is the last number, or, if it is not a
    number, stands anywhere: the reward without any form."""
    reward: float
    cut: float
    tokens: float
    """Mean number of tokens of a completion."""
    with_signal: float
    """Share of groups whose rewards differ."""
    predicted: dict[int, float]
    """Group size -> the share of groups expected to have both right and wrong completions."""
    group_size: int
    """The smallest group size that promises ENOUGH_SIGNAL, or the largest one considered."""
    max_tokens: int
    """A limit of tokens that would hold nearly all completions that end by themselves."""
    reasons: dict[str, int]
    seconds: float
    """Seconds of one step, sampling and update."""
    prompt: str
    """The first prompt, as the model sees it."""
    example: str
    """A completion of the first prompt."""


def sample_model(loaded: Loaded, policy: Policy, verifiers: VerifierPool, rounds: int) -> Sampled:
    """Sample some rounds and sum the gradient of each, as a run's first steps would."""
    learner, engine = build.learner_of(loaded, policy), build.engine_of(loaded, policy)
    sampler = build.sampler_of(loaded, policy, engine, verifiers)
    sampled, seconds = list[Round](), list[float]()
    for index in range(rounds):
        clock = Clock()
        sampled.append(sampler.next_round(index, clock).round)
        with clock("update"):
            _gradient(loaded, learner, sampled[-1])
        seconds.append(sum(clock.seconds.values()))
    groups = [group for round in sampled for group in round.groups]
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    rates = [statistics.fmean(r.verdict.solved for r in group.rollouts) for group in groups]
    size = len(groups[0].rollouts)
    prior = (sum(rates) * size + 0.5) / (len(rollouts) + 1)
    predicted = {g: statistics.fmean(_mixed(r, size, g, prior) for r in rates) for g in GROUP_SIZES}
    finished = sorted(
        len(r.completion.token_ids) for r in rollouts if r.completion.finish == "stop"
    )
    limit = sampler.max_tokens
    cut = statistics.fmean(r.completion.finish == "length" for r in rollouts)
    return Sampled(
        problems=len(groups),
        completions=size,
        rates=tuple(rates),
        accuracy=statistics.fmean(rates),
        lenient=statistics.fmean(map(_leniently, rollouts)),
        reward=statistics.fmean(r.verdict.reward for r in rollouts),
        cut=cut,
        tokens=statistics.fmean(len(r.completion.token_ids) for r in rollouts),
        with_signal=statistics.fmean(group.has_signal for group in groups),
        predicted=predicted,
        group_size=next((g for g in GROUP_SIZES if predicted[g] >= ENOUGH_SIGNAL), GROUP_SIZES[-1]),
        max_tokens=2 * limit if cut > 0.1 else _roomy(finished, limit),
        reasons=dict(Counter(r.verdict.reason for r in rollouts).most_common()),
        seconds=statistics.median(seconds),
        prompt=loaded.first_prompt,
        example=groups[0].rollouts[0].completion.text,
    )


def _gradient(loaded: Loaded, learner: Learner, round: Round) -> None:
    """Sum the gradient of the round's first part, and forget it."""
    loss, parts = loaded.objective, Parts(loaded.config.schedule, loaded.config.seed)
    scored = with_logprobs(round, loss, learner, parts, learner.policy, at_reference=True)
    batch = parts.batch(scored, 0, loss, at_reference=True)
    learner.forward_backward(batch, loss)
    learner.clear()


def _mixed(rate: float, sampled: int, size: int, prior: float = 0.5) -> float:
    """The chance that a group of this size has both right and wrong completions, at a rate known
    from `sampled` tries: the rate is drawn a little towards that of all problems, so that 0 of 8 is
    not 0 for ever."""
    p = (rate * sampled + prior) / (sampled + 1)
    return 1 - p**size - (1 - p) ** size


def _roomy(finished: Sequence[int], limit: int) -> int:
    if not finished:
        return limit
    most = finished[min(len(finished) - 1, math.ceil(0.99 * len(finished)))]
    return max(8, 8 * math.ceil(1.25 * most / 8))


def _leniently(rollout: Rollout) -> bool:
    answer, text = rollout.problem.answer, rollout.completion.text
    expected = number(answer)
    if expected is None:
        return bool(answer) and answer.casefold() in text.casefold()
    last = last_number(text)
    return last is not None and number(last) == expected


@dataclass(frozen=True, slots=True)
class Overlap:
    """The similarity of training and held-out problems."""

    heldout: int
    same_words: int
    """Number of held-out problems with the words of a training problem, ignoring case and signs."""
    same_form: int
    """Number of held-out problems that equal a training problem except for its numbers: normal for
    problems made by a program."""


def overlap_of(task: Task) -> Overlap:
    """Count nearly equal problems; exactly equal prompts are refused on loading."""
    words = {_words(p) for p in task.train}
    forms = {_form(p) for p in task.train}
    return Overlap(
        len(task.heldout),
        sum(_words(p) in words for p in task.heldout),
        sum(_form(p) in forms for p in task.heldout),
    )


def _words(problem: Problem) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", problem.text.casefold()))


def _form(problem: Problem) -> tuple[str, ...]:
    return tuple("0" if word.isdigit() else word for word in _words(problem))
