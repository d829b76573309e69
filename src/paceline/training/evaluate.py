"""Accuracy on held-out problems, sampled and greedy, with intervals."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .. import rng
from ..engine import Engine, Request, Sampling
from ..errors import ConfigError, DataError
from ..model import Policy
from ..settings import check_sampled
from ..stats import Interval, bootstrap, pass_at, wilson
from ..tasks import Task
from ..types import Completion, Problem, Verdict
from ..verify.calling.pool import VerifierPool
from ..verify.calling.scoring import NoVerdict
from .rollouter import JudgedCompletion, Rollouter

Progress = Callable[[str, int, int], None]
"""A callback for progress, called with (name of the work, finished items, all items)."""
PROBLEMS_AT_ONCE = 128
"""Problems whose answers are judged before the next ones are sampled."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one evaluation.

    Example: Evaluation(task="arithmetic", n=500, greedy_accuracy=0.81, sampled_accuracy=0.78,
        pass_at={1: 0.78}, intervals={"greedy_accuracy": (0.77, 0.84), …}, cut=0.0, seconds=61.0)
    """

    task: str
    n: int
    """Number of held-out problems."""
    greedy_accuracy: float
    """Share of problems whose likeliest answer is right."""
    sampled_accuracy: float
    """Mean share of right answers among the sampled ones (mean@k)."""
    pass_at: dict[int, float]
    """k -> chance that one of k sampled answers is right, for k = 1, 2, 4, … up to the number of
    sampled answers."""
    intervals: dict[str, Interval]
    """95 % intervals: Wilson's, or the bootstrap over problems where several answers were
    sampled."""
    cut: float
    """Share of sampled completions that were cut by length."""
    seconds: float
    lost: int = 0
    """Completions that the verifier gave no verdict on; they count as wrong."""


@dataclass(frozen=True, slots=True)
class AnsweredProblem:
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
    verifiers: VerifierPool | None = None,
) -> tuple[Evaluation, list[AnsweredProblem]]:
    """Answer the first `problems` held-out problems once greedily and `completions` times by
    sampling.

    The random numbers depend on the seed, the problem and the completion alone, so that two
    evaluations of one model agree, and two models meet the same numbers.

    Args:
        verifiers: workers that call the task's verifier; without them, it is called here.
    """
    chosen = task.heldout[:problems]
    if not chosen:
        raise ConfigError(f"Task '{task.name}' has no held-out problems to evaluate on.")
    check_sampled(sampling)
    started = time.perf_counter()
    rollouter = Rollouter(policy, engine, task, verifiers)
    requests = [
        rollouter.request(
            rollouter.prompt_of(problem),
            [rng.key(seed, "evaluate", i, k) for k in range(completions)],
        )
        for i, problem in enumerate(chosen)
    ]
    _check_fit(rollouter, requests, sampling)
    total = len(chosen) * (completions + 1)
    answered: list[AnsweredProblem] = []
    lost = 0
    for start in range(0, len(chosen), PROBLEMS_AT_ONCE):
        block, asked = (
            chosen[start : start + PROBLEMS_AT_ONCE],
            requests[start : start + PROBLEMS_AT_ONCE],
        )
        first = [replace(request, streams=request.streams[:1]) for request in asked]
        greedy = rollouter.answered(block, first, sampling.as_greedy())
        sampled = rollouter.answered(block, asked, sampling)
        rollouter.flush()
        for problem, ones, many in zip(block, greedy, sampled, strict=True):
            lost += sum(isinstance(one.answer, NoVerdict) for one in (*ones, *many))
            answered.append(AnsweredProblem(problem, _marked(ones[0]), tuple(map(_marked, many))))
        if progress:
            progress("evaluating", len(answered) * (completions + 1), total)
    seconds = time.perf_counter() - started
    return replace(_figures(task.name, answered, seconds, seed), lost=lost), answered


def _marked(judged: JudgedCompletion) -> tuple[Completion, bool]:
    """A completion, and True if it was found right; without a verdict it was not."""
    answer = judged.answer
    return judged.completion, isinstance(answer, Verdict) and answer.solved


def _check_fit(rollouter: Rollouter, requests: Sequence[Request], sampling: Sampling) -> None:
    """Refuse prompts beyond the context: answers there would measure nothing."""
    long = [
        i
        for i, request in enumerate(requests)
        if not rollouter.fits(request.prompt, sampling.max_tokens)
    ]
    if long:
        raise DataError(
            f"{len(long)} of {len(requests)} held-out problems (the first is number {long[0] + 1}) "
            f"do not fit into the model's context of {rollouter.policy.context_length} tokens "
            f"beside answers of {sampling.max_tokens}; set evaluation.max_tokens lower, or "
            "evaluation.problems=0."
        )


def _figures(
    name: str, answered: Sequence[AnsweredProblem], seconds: float, seed: int
) -> Evaluation:
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
