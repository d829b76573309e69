"""The reward under probes: its payments, its consistency, and its speed."""

import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

from ... import rng
from ...run.screen import printable
from ...tasks import Task
from ...tasks.rewards import in_form
from ...types import Completion, Problem, Verdict
from ...verify.calling.pool import VerifierPool
from ...verify.calling.scoring import Answer, NoVerdict
from ...verify.calling.verifier import loads_model
from .probes import ANSWER_FORMS, GOLD, PROBES, Probe, Wanted

PROBED_PROBLEMS = 40
"""Number of problems that every probe is tried on."""
FORM_PROBLEMS = 5
"""Number of problems that a form of gold answers is tried on."""
LONG_TEXT = 2000
"""Letters of an answer above which a model reads one, instead of one a problem: each is as long as
its context, and takes it seconds."""


@dataclass(frozen=True, slots=True)
class Probed:
    """The result of one way of answering."""

    name: str
    wanted: Wanted
    asked: int
    right: int
    """Number of answers that counted as right."""
    full: int
    """Number of answers that earned full marks."""
    reward: float
    """Mean reward."""
    ahead: float | None
    """Mean reward less that of right answers to the same problems; None where none is known."""
    unanswered: int
    """Number of answers that got no verdict."""
    reason: str
    """The most frequent reason."""
    good: bool
    """True if the wish was met."""
    why: str
    """The meaning of a wish that is not met."""


@dataclass(frozen=True, slots=True)
class Rewarded:
    """The results of all probes."""

    probes: tuple[Probed, ...]
    calls: int
    milliseconds: float
    """Median milliseconds of one call."""
    worst: float
    """Milliseconds of the longest call."""
    differing: int
    """Number of calls whose repetition gave another reward."""
    errors: tuple[str, ...]
    """Errors that the verifier raised, each once: on the first problem that it came on, with the
    number of problems."""
    form: str | None = None
    """The form in which gold answers were guessed, if the task has none."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """An error that came on one problem or on many."""

    text: str
    """The error on the first of them."""
    problems: set[str] = field(default_factory=set)
    """Ids of the problems."""

    @property
    def told(self) -> str:
        many = len(self.problems)
        return self.text if many == 1 else f"{self.text} It happens on {many} problems."


_Failures = dict[str, _Failure]
"""Errors by their text without the problem's name."""


def probe_reward(task: Task, verifiers: VerifierPool, seed: int) -> Rewarded:
    """Try every probe on a sample of problems, each twice."""
    order = rng.permutation(rng.key(seed, "audit"), len(task.train))
    chosen = [task.train[i] for i in order[:PROBED_PROBLEMS]]
    task, form = _with_gold(task, verifiers, chosen)
    others = [task.train[i] for i in order[PROBED_PROBLEMS : 3 * PROBED_PROBLEMS]] or chosen
    probed, times, differing, errors = [], list[float](), 0, _Failures()
    right = dict[str, float]()
    for probe in PROBES:
        made = [(p, probe.completion(task, p, [o for o in others if o.id != p.id])) for p in chosen]
        asked = [(p, c) for p, c in made if c is not None]
        if asked and loads_model(task.verifier) and len(asked[0][1].text) > LONG_TEXT:
            asked = asked[:1]
        first = _all_timed(verifiers, asked, times, errors)
        again = _all_timed(verifiers, asked, times, errors) if len(first) == len(asked) else first
        differing += sum(_reward(a) != _reward(b) for a, b in zip(first, again, strict=True))
        # A probe that was broken off has fewer answers.
        answered = list(zip((problem.id for problem, _ in asked), first, strict=False))
        if probe.name == GOLD:
            right = {i: a.reward for i, a in answered if isinstance(a, Verdict) and a.solved}
        if answered:
            probed.append(_probed(probe, task, answered, right))
    return Rewarded(
        tuple(probed),
        len(times),
        1e3 * statistics.median(times) if times else 0.0,
        1e3 * max(times, default=0.0),
        differing,
        tuple(error.told for error in errors.values()),
        form,
    )


def _with_gold(
    task: Task, verifiers: VerifierPool, problems: Sequence[Problem]
) -> tuple[Task, str | None]:
    """The task with gold answers, and the form that they were guessed to have."""
    if task.gold is not None:
        return task, None
    for form in ANSWER_FORMS:
        gold = partial(in_form, form)
        said = [
            _timed(verifiers, p, Completion((), (), text, "stop"), [], {})
            for p in problems[:FORM_PROBLEMS]
            if (text := gold(p)) is not None
        ]
        rewards = [a.reward for a in said if isinstance(a, Verdict) and a.solved]
        if said and len(rewards) == len(said):
            return replace(task, gold=gold, full=min(rewards)), form
    return task, None


def _all_timed(
    verifiers: VerifierPool,
    asked: Sequence[tuple[Problem, Completion]],
    times: list[float],
    errors: _Failures,
) -> list[Answer]:
    """The answers to a probe; one that takes too long is not asked about again."""
    answers = list[Answer]()
    for problem, completion in asked:
        answers.append(_timed(verifiers, problem, completion, times, errors))
        if isinstance(answers[-1], NoVerdict) and answers[-1].kind == "slow":
            break
    return answers


def _timed(
    verifiers: VerifierPool,
    problem: Problem,
    completion: Completion,
    times: list[float],
    errors: _Failures,
) -> Answer:
    """The verifier's answer to one completion at a time, so that its time is its own."""
    started = time.perf_counter()
    future: Future[Answer] = verifiers.submit(problem, completion)
    verifiers.flush()
    answer = future.result()
    if isinstance(answer, NoVerdict):
        why = printable(answer.sentence).encode("utf-8", "replace").decode()
        same = errors.setdefault(why.replace(problem.name, "…"), _Failure(why))
        same.problems.add(problem.id)
    times.append(time.perf_counter() - started)
    return answer


def _reward(answer: Answer) -> float | None:
    return answer.reward if isinstance(answer, Verdict) else None


def _probed(
    probe: Probe,
    task: Task,
    answered: Sequence[tuple[str, Answer]],
    paid: Mapping[str, float],
) -> Probed:
    """The result of a probe.

    Args:
        answered: the answers, each with its problem's id.
        paid: the rewards of right answers, by their problems' ids.
    """
    answers = [answer for _, answer in answered]
    verdicts = [a for a in answers if isinstance(a, Verdict)]
    further = [a.reward - paid[i] for i, a in answered if isinstance(a, Verdict) and i in paid]
    ahead = statistics.fmean(further) if further else None
    right = sum(v.solved for v in verdicts)
    full = sum(v.reward >= task.full - 1e-9 for v in verdicts)
    good = {
        "full marks": full == len(answers),
        # A score may like what is not right, as a reward model's does.
        "not right": right == 0 and len(verdicts) == len(answers) and (ahead is None or ahead < 0),
        "anything": len(verdicts) == len(answers),
    }[probe.wanted]
    reasons = [printable(a.reason).encode("utf-8", "replace").decode() for a in answers]
    return Probed(
        probe.name, probe.wanted, len(answers), right, full,
        statistics.fmean(v.reward for v in verdicts) if verdicts else 0.0, ahead,
        len(answers) - len(verdicts), max(set(reasons), key=reasons.count), good,
        "" if good else probe.why or "no verdict",
    )  # fmt: skip
