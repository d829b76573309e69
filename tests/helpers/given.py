"""Rows that bring their completions, made by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

from paceline.tasks import Task, TaskSource, Template
from paceline.types import Completion, Given, Group, Problem, Prompt, Rollout, Verdict
from paceline.verify.calling.missing import Unjudged


def brings(
    prompt: Sequence[int],
    *completions: Sequence[int],
    rewards: Sequence[float] = (),
    sampled: Sequence[bool] | None = None,
    name: str = "p",
) -> Group:
    """A group of completions as a row brings them, without any engine's log-probabilities."""
    problem = Problem(name, "?", "")
    rewards = rewards or (1.0,) * len(completions)
    rollouts = tuple(
        Rollout(problem, Completion(tuple(ids), (), "", "stop", sampled=sampled), Verdict(reward))
        for ids, reward in zip(completions, rewards, strict=True)
    )
    return Group(problem, Prompt(tuple(prompt)), rollouts)


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def sums(count: int, *, first: int = 0) -> tuple[Problem, ...]:
    """Problems such as "3 + 1?"."""
    return tuple(Problem(f"s{i}", f"{i} + 1?", str(i + 1)) for i in range(first, first + count))


@dataclass(frozen=True)
class Worked(TaskSource):
    """Sums that bring their answers, and no reward."""

    count: int = 12
    long: int = 0
    """So many of the rows bring an answer of 200 letters."""
    silent: int = 0
    """So many of the rows bring nothing."""
    turns: int = 1
    """Turns of the assistant in each row."""

    def load(self) -> Task:
        def given(problem: Problem) -> tuple[Given, ...]:
            place = int(problem.id[1:])
            if place < self.silent:
                return ()
            text = "9" * 200 if place < self.silent + self.long else problem.answer
            more = [{"role": "user", "content": "and?"}, assistant("1")] * (self.turns - 1)
            return (Given((assistant(text), *more)),)

        train, heldout = sums(self.count), sums(4, first=100)
        return Task("worked", train, heldout, Template(), Unjudged(), given=given, judged=False)
