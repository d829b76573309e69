"""The reward under probes: what it pays, whether it says the same twice, and how long it takes."""

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial

from ... import rng
from ...run.screen import printable
from ...tasks import Task
from ...tasks.rewards import in_form
from ...types import Completion, Problem, Verdict
from ...verify.calling.pool import VerifierPool
from ...verify.calling.scoring import Answer, NoVerdict
from .probes import FORMS, PROBES, Probe, Wanted

PROBLEMS = 40
"""Problems that every probe is tried on."""
TRIED = 5
"""Problems that a form of gold answers is tried on."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What one way of answering earned."""

    name: str
    wanted: Wanted
    asked: int
    right: int
    """How many counted as right."""
    full: int
    """How many earned full marks."""
    reward: float
    """The mean."""
    unanswered: int
    """How many got no verdict."""
    reason: str
    """The commonest one."""
    good: bool
    """Whether the wish was met."""
    why: str
    """What it means where it was not."""


@dataclass(frozen=True, slots=True)
class Rewarded:
    """All of it."""

    probes: tuple[Probed, ...]
    calls: int
    milliseconds: float
    """Of one call, the median."""
    worst: float
    """Milliseconds of the longest."""
    differing: int
    """Calls whose repetition gave another reward."""
    errors: tuple[str, ...]
    """What the verifier raised, each once."""
    form: str | None = None
    """The form in which gold answers were guessed, where the task has none."""


def probe_reward(task: Task, judges: VerifierPool, seed: int) -> Rewarded:
    """Try every probe on a sample of problems, each twice."""
    order = rng.permutation(rng.key(seed, "audit"), len(task.train))
    chosen = [task.train[i] for i in order[:PROBLEMS]]
    task, form = _with_gold(task, judges, chosen)
    others = [task.train[i] for i in order[PROBLEMS : 3 * PROBLEMS]] or chosen
    probed, times, differing, errors = [], list[float](), 0, dict[str, None]()
    for probe in PROBES:
        made = [(p, probe.completion(task, p, [o for o in others if o.id != p.id])) for p in chosen]
        asked = [(p, c) for p, c in made if c is not None]
        first = _all_timed(judges, asked, times, errors)
        again = _all_timed(judges, asked, times, errors) if len(first) == len(asked) else first
        differing += sum(_reward(a) != _reward(b) for a, b in zip(first, again, strict=True))
        if asked:
            probed.append(_probed(probe, task, first))
    return Rewarded(
        tuple(probed),
        len(times),
        1e3 * statistics.median(times) if times else 0.0,
        1e3 * max(times, default=0.0),
        differing,
        tuple(errors),
        form,
    )


def _with_gold(
    task: Task, judges: VerifierPool, problems: Sequence[Problem]
) -> tuple[Task, str | None]:
    """The task with gold answers, and the form that they were guessed to have."""
    if task.gold is not None:
        return task, None
    for form in FORMS:
        gold = partial(in_form, form)
        said = [
            _timed(judges, p, Completion((), (), text, "stop"), [], {})
            for p in problems[:TRIED]
            if (text := gold(p)) is not None
        ]
        rewards = [a.reward for a in said if isinstance(a, Verdict) and a.solved]
        if said and len(rewards) == len(said):
            return replace(task, gold=gold, full=min(rewards)), form
    return task, None


def _all_timed(
    judges: VerifierPool,
    asked: Sequence[tuple[Problem, Completion]],
    times: list[float],
    errors: dict[str, None],
) -> list[Answer]:
    """The answers to a probe; one that takes too long is not asked about again."""
    answers = list[Answer]()
    for problem, completion in asked:
        answers.append(_timed(judges, problem, completion, times, errors))
        if isinstance(answers[-1], NoVerdict) and answers[-1].kind == "slow":
            break
    return answers


def _timed(
    judges: VerifierPool,
    problem: Problem,
    completion: Completion,
    times: list[float],
    errors: dict[str, None],
) -> Answer:
    """One at a time, so that its time is its own."""
    started = time.perf_counter()
    future: Future[Answer] = judges.submit(problem, completion)
    judges.flush()
    answer = future.result()
    if isinstance(answer, NoVerdict):
        why = printable(answer.detail or f"{answer.reason}.")
        errors[why.encode("utf-8", "replace").decode()] = None
    times.append(time.perf_counter() - started)
    return answer


def _reward(answer: Answer) -> float | None:
    return answer.reward if isinstance(answer, Verdict) else None


def _probed(probe: Probe, task: Task, answers: Sequence[Answer]) -> Probed:
    verdicts = [a for a in answers if isinstance(a, Verdict)]
    right = sum(v.solved for v in verdicts)
    full = sum(v.reward >= task.full - 1e-9 for v in verdicts)
    good = {
        "full marks": full == len(answers),
        "not right": right == 0 and len(verdicts) == len(answers),
        "anything": len(verdicts) == len(answers),
    }[probe.wanted]
    reasons = [printable(a.reason).encode("utf-8", "replace").decode() for a in answers]
    return Probed(
        probe.name, probe.wanted, len(answers), right, full,
        statistics.fmean(v.reward for v in verdicts) if verdicts else 0.0,
        len(answers) - len(verdicts), max(set(reasons), key=reasons.count), good,
        "" if good else probe.why or "no verdict",
    )  # fmt: skip
