"""Accuracy on held-out problems, sampled and greedy, with intervals."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import chance
from ..engine import Engine, Request, Sampling
from ..errors import ConfigError, DataError
from ..model import Policy
from ..tasks import Task
from ..types import Completion, Problem
from ..verify import judge
from .statistics import Interval, bootstrap, pass_at, wilson

Progress = Callable[[str, int, int], None]
"""(what is going on, how many of it are finished, of how many)."""
BLOCK = 128


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one evaluation.

    Example: Evaluation(task="arithmetic", n=500, greedy_accuracy=0.81, sampled_accuracy=0.78,
        pass_at={1: 0.78}, intervals={"greedy_accuracy": (0.77, 0.84), …}, cut=0.0, seconds=61.0)
    """

    task: str
    n: int
    """Problems."""
    greedy_accuracy: float
    """Share of problems whose likeliest answer is right."""
    sampled_accuracy: float
    """Mean share of right answers among the sampled ones (mean@k)."""
    pass_at: dict[int, float]
    """k -> chance that one of k sampled answers is right, for k = 1, 2, 4, … up to those
    sampled."""
    intervals: dict[str, Interval]
    """95 % intervals: Wilson's, or the bootstrap over problems where several answers were
    sampled."""
    cut: float
    """Share of sampled completions that were cut by length."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Answered:
    """One held-out problem with its answers and whether each was right."""

    problem: Problem
    greedy: tuple[Completion, bool]
    sampled: tuple[tuple[Completion, bool], ...]


def evaluate(
    policy: Policy,
    engine: Engine,
    task: Task,
    sampling: Sampling,
    *,
    problems: int,
    completions: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Evaluation, list[Answered]]:
    """Answer the first `problems` held-out problems once greedily and `completions` times by
    sampling.

    The random numbers depend on the seed, the problem and the completion alone, so that two
    evaluations of one model agree, and two models meet the same numbers.
    """
    chosen = task.heldout[:problems]
    if not chosen:
        raise ConfigError(f"Task '{task.name}' has no held-out problems to evaluate on.")
    if sampling.greedy:
        raise ConfigError("evaluation.temperature is 0; greedy accuracy is measured in any case.")
    started = time.perf_counter()
    requests = [
        Request(
            policy.render(task.messages(p)),
            tuple(chance.key(seed, "evaluate", i, k) for k in range(completions)),
        )
        for i, p in enumerate(chosen)
    ]
    _check_fit(policy, requests, sampling)
    total = len(chosen) * (completions + 1)
    answered: list[Answered] = []
    for start in range(0, len(chosen), BLOCK):
        block = requests[start : start + BLOCK]
        first = [Request(r.prompt_ids, r.streams[:1]) for r in block]
        greedy = engine.generate(first, sampling.as_greedy())
        sampled = engine.generate(block, sampling)
        rows = zip(chosen[start : start + BLOCK], greedy, sampled, strict=True)
        for problem, one, many in rows:
            marks = [judge(task.verifier, problem, c).solved for c in [*one, *many]]
            answered.append(
                Answered(problem, (one[0], marks[0]), tuple(zip(many, marks[1:], strict=True)))
            )
        if progress:
            progress("evaluating", len(answered) * (completions + 1), total)
    return _figures(task.name, answered, time.perf_counter() - started, seed), answered


def _check_fit(policy: Policy, requests: Sequence[Request], sampling: Sampling) -> None:
    """Refuse prompts beyond the context: answers there would measure nothing."""
    room = policy.context_length
    long = [
        i for i, r in enumerate(requests)
        if room is not None and len(r.prompt_ids) + sampling.max_tokens > room
    ]  # fmt: skip
    if long:
        raise DataError(
            f"{len(long)} of {len(requests)} held-out problems (the first is number {long[0] + 1}) "
            f"do not fit into the model's context of {room} tokens beside answers of "
            f"{sampling.max_tokens}; set evaluation.max_tokens lower, or evaluation.problems=0."
        )


def _figures(name: str, answered: Sequence[Answered], seconds: float, seed: int) -> Evaluation:
    n = len(answered)
    greedy = sum(a.greedy[1] for a in answered)
    right = [sum(ok for _, ok in a.sampled) for a in answered]
    count = len(answered[0].sampled)
    means = [r / count for r in right]
    sampled = sum(means) / n
    powers = [k for k in (2**i for i in range(count.bit_length())) if k <= count]
    cut = sum(c.finish == "length" for a in answered for c, _ in a.sampled)
    return Evaluation(
        task=name,
        n=n,
        greedy_accuracy=greedy / n,
        sampled_accuracy=sampled,
        pass_at={k: sum(pass_at(k, count, r) for r in right) / n for k in powers},
        intervals={
            "greedy_accuracy": wilson(greedy, n),
            "sampled_accuracy": wilson(sum(right), n) if count == 1 else bootstrap(means, seed),
        },
        cut=cut / (n * count),
        seconds=seconds,
    )
