"""`paceline tasks check`: a proof that a task's gold answers score full marks."""

from dataclasses import dataclass, replace
from typing import Any

from ..errors import DataError
from ..tasks import Task, TaskSource
from ..terminal import print_line
from ..text import counted
from ..types import Completion, Problem
from ..verify.calling.pool import VerifierPool
from ..verify.calling.reward_config import RewardConfig
from ..verify.calling.scoring import NoVerdict

ROWS_SHOWN = 10
"""Most failed rows that are printed."""


@dataclass(frozen=True, slots=True)
class FailedAnswer:
    """A gold answer that does not score full marks."""

    side: str
    """Side of the split: training or held out."""
    number: int
    """Number of the problem on its side, from 1."""
    problem: Problem
    reward: float | None
    """Reward that it got; None if there was no verdict."""
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The failure as plain JSON."""
        p = self.problem
        return {
            "side": self.side, "number": self.number, "id": p.id, "row": p.row,
            "reward": self.reward, "reason": self.reason, "answer": p.answer,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class CheckedTask:
    """A task whose gold answers were judged."""

    task: Task
    checked: int
    """Gold answers that were judged."""
    without: int
    """Problems without a gold answer that could be checked."""
    failed: list[FailedAnswer]

    def as_json(self) -> dict[str, Any]:
        """The check as plain JSON."""
        return {
            "task": self.task.name, "checked": self.checked, "without": self.without,
            "failed": [one.as_json() for one in self.failed],
        }  # fmt: skip


def check_task(source: TaskSource, rewards: RewardConfig) -> CheckedTask:
    """Load a task, and have every gold answer judged. Raises: what loading raises."""
    task = source.load()
    without, checked, failed = 0, 0, list[FailedAnswer]()
    # One that raises is one of the failed, not the end.
    with VerifierPool(task.verifier, replace(rewards, on_error="drop")) as verifiers:
        for side, problems in (("training", task.train), ("held out", task.heldout)):
            asked = [(i, p, _gold(task, p)) for i, p in enumerate(problems, 1)]
            futures = [
                (i, p, verifiers.submit(p, completion)) for i, p, completion in asked if completion
            ]
            verifiers.flush()
            without += len(asked) - len(futures)
            checked += len(futures)
            for number, p, future in futures:
                verdict = future.result()
                reward = None if isinstance(verdict, NoVerdict) else verdict.reward
                if reward is None or reward < task.full - 1e-9:
                    failed.append(FailedAnswer(side, number, p, reward, verdict.reason))
    return CheckedTask(task, checked, without, failed)


def refuse_failed(made: CheckedTask) -> None:
    """Raise DataError where a gold answer does not score full marks."""
    if made.failed:
        raise DataError(
            f"{len(made.failed)} of {made.checked} gold answers of task '{made.task.name}' do not "
            f"score full marks ({made.task.full:g}); fix the rows, or the reward that refuses them."
        )


def _gold(task: Task, problem: Problem) -> Completion | None:
    """The gold answer as a completion, where the task has one."""
    text = task.gold(problem) if task.gold is not None else None
    return None if text is None else Completion((), (), text, "stop")


def print_task(made: CheckedTask) -> None:
    """Print the gold answers that do not score full marks, and how many there are."""
    task, failed = made.task, made.failed
    training = f"{counted(len(task.train), 'problem')} to train on"
    print_line(f"{task.name}: {training}, {len(task.heldout)} held out")
    for note in task.notes:
        print_line(f"  note: {note}")
    if made.without:
        told = counted(made.without, "problem")
        print_line(f"  without a gold answer that could be checked: {told}")
    for f in failed[:ROWS_SHOWN]:
        shown = "no verdict" if f.reward is None else f"{f.reward:g}"
        place = f"{f.side} problem {f.number}, {f.problem.name}"
        told = f"  {place}, '{f.problem.answer[:40]}': {shown}, {f.reason}"
        print_line(told)
    if len(failed) > ROWS_SHOWN:
        print_line(f"  and {len(failed) - ROWS_SHOWN} more")
    right = made.checked - len(failed)
    print_line(f"{right} of {made.checked} gold answers score full marks")
