"""A trial of the reward on a few answers before the model is loaded: a verifier that raises, hangs
or returns no number is found at once, and not after the first round."""

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import RewardError, SandboxError
from ..tasks import Task
from ..types import AnyVerifier, BatchVerifier, Completion, Problem, Verdict
from ..verify.calling.pool import VerifierPool
from ..verify.calling.reward_config import RewardConfig
from ..verify.calling.scoring import Answer, NoVerdict
from ..verify.calling.verifier import leaves, loads_model

TRIED_PROBLEMS = 3
"""Number of problems whose answers are tried."""
JUNK_ANSWER = "xyzzy <answer> \\boxed{ 3 of 4 is ½ \u2212 $1,000.00 #### 中文 \U0001f600"
"""A text that a model may write before it has learned anything."""


@dataclass(frozen=True, slots=True)
class Rewards:
    """The rewards of one kind of answer.

    Example: Rewards(kind="gold", rewards=(1.0, 1.0, 1.0))
    """

    kind: str
    """The kind of answer: gold, empty or junk."""
    rewards: tuple[float, ...]
    """Rewards of the answers that got a verdict."""


@dataclass(frozen=True, slots=True)
class RewardTrial:
    """The result of the trial."""

    paid: tuple[Rewards, ...]
    """Rewards by kind of answer; empty if the reward needs a model, which is not loaded for
    this."""
    milliseconds: float
    """Median milliseconds of a call."""
    notes: tuple[str, ...]
    """Remarks that are no reason to stop."""


UNTRIED = RewardTrial((), 0.0, ())
"""The result where no reward is asked."""


@dataclass(frozen=True, slots=True)
class _Trial:
    kind: str
    problem: Problem
    completion: Completion


def try_reward(task: Task, rewards: RewardConfig, tokenizer: Any) -> RewardTrial:
    """Ask the task's verifier about gold answers, if the task has some, an empty answer and junk.

    Raises: RewardError naming the verifier if it raises (its exception is the cause), takes longer
        than rewards.seconds, or answers no finite number; SandboxError if the sandbox fails. With
        rewards.on_error=drop, its errors are a note, unless it always raises.
    """
    verifier = task.verifier
    tries = list(_tries(task, tokenizer))
    if loads_model(verifier):
        for part in leaves(verifier):
            if not loads_model(part):
                _answers(part, rewards, tries)
        note = "the reward asks a model, which is loaded later, so it was not tried as a whole."
        return RewardTrial((), 0.0, (note,))
    answers, seconds = _answers(verifier, rewards, tries)
    notes = list(_notes(task, tries, answers))
    kinds = list(dict.fromkeys(one.kind for one in tries))
    paid = [
        tuple(
            answer.reward
            for one, answer in zip(tries, answers, strict=True)
            if one.kind == kind and isinstance(answer, Verdict)
        )
        for kind in kinds
    ]
    return RewardTrial(
        tuple(Rewards(kind, of_kind) for kind, of_kind in zip(kinds, paid, strict=True)),
        1e3 * statistics.median(seconds),
        tuple(notes),
    )


def _tries(task: Task, tokenizer: Any) -> Iterator[_Trial]:
    chosen = task.train[:TRIED_PROBLEMS]
    for problem in chosen:
        text = task.gold(problem) if task.gold is not None else None
        if text is not None:
            yield _Trial("gold", problem, _completion(text, tokenizer))
    yield _Trial("empty", chosen[0], _completion("", tokenizer))
    yield _Trial("junk", chosen[-1], _completion(JUNK_ANSWER, tokenizer))


def _completion(text: str, tokenizer: Any) -> Completion:
    """A completion as an engine would make it, with the stop token at its end."""
    ids = (*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id)
    return Completion(ids, (-1.0,) * len(ids), text, "stop")


def _answers(
    verifier: AnyVerifier, rewards: RewardConfig, tries: Sequence[_Trial]
) -> tuple[list[Answer], list[float]]:
    """The verifier's answer to each completion, and the seconds that it took.

    They are asked one after the other, so that a verifier that hangs is waited for once; one that
    takes many completions at once gets them all, since it may fail at more than one.
    """
    at_once = any(isinstance(part, BatchVerifier) for part in leaves(verifier))
    batches = [list(tries)] if at_once else [[one] for one in tries]
    answers, seconds = list[Answer](), list[float]()
    with VerifierPool(verifier, rewards) as verifiers:
        for batch in batches:
            started = time.perf_counter()
            futures = [verifiers.submit(one.problem, one.completion) for one in batch]
            verifiers.flush()
            for one, future in zip(batch, futures, strict=True):
                answers.append(_sound(future.result(), one))
            seconds += [(time.perf_counter() - started) / len(batch)] * len(batch)
    lost = [answer for answer in answers if isinstance(answer, NoVerdict)]
    if len(lost) == len(answers):
        raise RewardError(lost[0].detail or f"The reward gives no verdict: {lost[0].reason}.")
    return answers, seconds


def _sound(answer: Answer, one: _Trial) -> Answer:
    """The answer, unless it is an error after which no other answer would come."""
    if isinstance(answer, NoVerdict) and answer.kind == "slow":
        raise RewardError(
            f"The reward {answer.reason} for problem {one.problem.name}, "
            f"{'an' if one.kind == 'empty' else 'a'} {one.kind} answer; make it faster, or give it "
            "more time with rewards.seconds."
        )
    if isinstance(answer, NoVerdict) and answer.kind == "sandbox":
        raise SandboxError(answer.detail or "The sandbox failed; try `paceline sandbox test`.")
    return answer


def _notes(task: Task, tries: Sequence[_Trial], answers: Sequence[Answer]) -> Iterator[str]:
    """One sentence for each kind of oddity, about the first case."""
    said = set[str]()
    for one, answer in zip(tries, answers, strict=True):
        if isinstance(answer, NoVerdict):
            kind = "lost"
            note = f"{answer.sentence} Such groups will be dropped (rewards.on_error is drop)."
        elif one.kind == "gold" and answer.reward < task.full - 1e-9:
            kind = "gold"
            note = (
                f"the gold answer of problem {one.problem.name} earned {answer.reward:g} of "
                f"{task.full:g} ({answer.reason}); `paceline audit` looks at more of them."
            )
        else:
            continue
        if kind not in said:
            said.add(kind)
            yield note
