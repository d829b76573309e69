"""`paceline tasks check`: a proof that a task's gold answers score full marks."""

from dataclasses import dataclass, replace
from typing import Any

from ..errors import DataError
from ..tasks import Task, TaskSource
from ..terminal import print_json, print_line
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


def check_task(source: TaskSource, rewards: RewardConfig, *, as_json: bool = False) -> None:
    """Load a task, have every gold answer judged, and print those that do not score full marks.

    Raises: DataError where one does not; what loading raises.
    """
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
    if as_json:
        found = {"task": task.name, "checked": checked, "without": without}
        found["failed"] = [f.as_json() for f in failed]
        print_json(found, indent=2)
    else:
        _tell(task, checked, without, failed)
    if failed:
        raise DataError(
            f"{len(failed)} of {checked} gold answers of task '{task.name}' do not score full "
            f"marks ({task.full:g}); fix the rows, or the reward that refuses them."
        )


def _gold(task: Task, problem: Problem) -> Completion | None:
    """The gold answer as a completion, where the task has one."""
    text = task.gold(problem) if task.gold is not None else None
    return None if text is None else Completion((), (), text, "stop")


def _tell(task: Task, checked: int, without: int, failed: list[FailedAnswer]) -> None:
    training = f"{counted(len(task.train), 'problem')} to train on"
    print_line(f"{task.name}: {training}, {len(task.heldout)} held out")
    for note in task.notes:
        print_line(f"  note: {note}")
    if without:
        print_line(f"  without a gold answer that could be checked: {counted(without, 'problem')}")
    for f in failed[:ROWS_SHOWN]:
        shown = "no verdict" if f.reward is None else f"{f.reward:g}"
        place = f"{f.side} problem {f.number}, {f.problem.name}"
        told = f"  {place}, '{f.problem.answer[:40]}': {shown}, {f.reason}"
        print_line(told)
    if len(failed) > ROWS_SHOWN:
        print_line(f"  and {len(failed) - ROWS_SHOWN} more")
    print_line(f"{checked - len(failed)} of {checked} gold answers score full marks")
