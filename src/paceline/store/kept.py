"""The rollouts that a run has kept, as rows to learn from: its solved answers as demonstrations, or
solved against unsolved ones as pairs."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from .. import config as configuration
from ..annotations import check_fields, refuse_if
from ..errors import DataError
from ..tasks import Task
from ..tasks.pair_forms import in_pairs, pair
from ..tasks.split import split
from ..tasks.task import demonstration
from ..text import counted
from ..types import Given, Message, Problem
from ..verify.answers.form import opened_in
from .rollout_row import read_table
from .run import Run

COLUMNS = ("problem_id", "draw", "prompt", "completion", "finish", "correct")
"""Columns of a round's file that are read, besides `sampled`, which older files lack."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer that a run has sampled."""

    problem: str
    """Id of the problem."""
    group: tuple[int, int]
    """Place of its group: number of the file, and of the draw."""
    text: str
    """The whole turn, with the tags that the prompt had opened for it."""
    solved: bool
    """True if the answer was right."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Rollouts of an earlier run: its solved answers to imitate, or pairs of a solved and an
    unsolved one.

    The task, its held-out problems and its reward are those of the run. Answers that were cut, or
    that the model did not write alone (tools), are left out. Demonstrations of a problem are rows
    of their own; each pair is a training problem of its own, whose id is the problem's with the
    pair's number, such as 3f9a….2.
    """

    path: str = ""
    """Directory of the run, such as runs/demo."""
    per_problem: int = 4
    """Most demonstrations, or pairs, of one problem, in the order in which they were sampled: else
    easy problems would fill the data."""
    distinct: bool = True
    """Take no text, or pair of texts, of a problem twice."""
    pairs: bool = False
    """Take pairs of a solved and an unsolved answer of one group, for a loss over pairs."""
    heldout: float = 0.0
    """Held-out rows, in the place of the run's own held-out problems: below 1 a share, from 1 on a
    number; rows of one problem stay together. 0 keeps the run's own, of which no row is kept."""

    def load(self) -> Task:
        """The task.

        Raises: ConfigError where there is no run, or its task cannot be loaded; DataError where the
            run has kept no rollouts, or none that can be learned from.
        """
        check_fields(self, "task")
        refuse_if(not self.path, "task.path", "empty", "be the directory of a run")
        refuse_if(self.per_problem < 1, "task.per_problem", self.per_problem, "be at least 1")
        run = Run.open(self.path)
        # Nothing else of the config is loaded: an objective of a file that is gone is not needed.
        stored = {"name": "kept", "task": run.description.config["task"]}
        task = configuration.from_json(stored).task.load()
        found = _read(run, {problem.id for problem in task.train}, solved=not self.pairs)
        of_problem: dict[str, list[Answer]] = {}
        for answer in found.answers:
            of_problem.setdefault(answer.problem, []).append(answer)
        given = (self._pairs if self.pairs else self._demonstrations)(task.train, of_problem)
        if not given:
            raise self._nothing(found)
        brought = {problem.id: turns for problem, turns in given}
        names = {problem.id: problem.id.rpartition(".")[0] for problem, _ in given if self.pairs}
        train, heldout = tuple(problem for problem, _ in given), task.heldout
        if self.heldout:
            train, heldout = split(train, self.heldout)
        count = sum(map(len, brought.values()))
        told = counted(len(brought), "pair", ",") if self.pairs else counted(count, "answer", ",")
        return replace(
            task,
            train=train,
            heldout=heldout,
            given=partial(_of, brought, task),
            gold=partial(_gold, task.gold, names) if task.gold is not None else None,
            forms=f"{told} of '{self.path}'",
            notes=(*task.notes, *found.notes),
        )

    def _demonstrations(
        self, problems: Sequence[Problem], answers: Mapping[str, Sequence[Answer]]
    ) -> list[tuple[Problem, tuple[Given, ...]]]:
        """The problems with solved answers, each with these."""
        found = []
        for problem in problems:
            texts = [answer.text for answer in answers.get(problem.id, ()) if answer.solved]
            if self.distinct:
                texts = list(dict.fromkeys(texts))
            if texts:
                found.append((problem, tuple(map(demonstration, texts[: self.per_problem]))))
        return found

    def _pairs(
        self, problems: Sequence[Problem], answers: Mapping[str, Sequence[Answer]]
    ) -> list[tuple[Problem, tuple[Given, ...]]]:
        """A problem for each pair."""
        found = []
        for problem in problems:
            texts = list(_solved_and_not(answers.get(problem.id, ())))
            if self.distinct:
                texts = list(dict.fromkeys(texts))
            for number, (chosen, rejected) in enumerate(texts[: self.per_problem], 1):
                one = replace(problem, id=f"{problem.id}.{number}")
                found.append((one, pair(_turn(chosen), _turn(rejected))))
        return found

    def _nothing(self, found: "_Found") -> DataError:
        """The sentence about a run of which nothing can be learned."""
        rollouts, more = counted(found.seen, "rollout", ","), " ".join(found.notes)
        wanted = "is solved, so there is nothing to imitate"
        none = f"None of the {rollouts} that '{self.path}' has kept"
        if self.pairs:
            wanted = "with a solved and an unsolved answer, so there are no pairs"
            none = f"Among the {rollouts} that '{self.path}' has kept is no group"
        return DataError(
            f"{none} {wanted}; train that run for longer, or name another with task.path."
            f"{' ' if more else ''}{more}"
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """The answers of a run, and what was left out."""

    answers: list[Answer]
    """Answers that can be learned from, in the order in which they were sampled."""
    seen: int
    """All rollouts that were read."""
    notes: tuple[str, ...]


def _read(run: Run, problems: Set[str], *, solved: bool) -> _Found:
    """The answers of a run's rounds to these problems.

    Args:
        solved: only solved ones are wanted, so that nothing is told of others.
    """
    answers: list[Answer] = []
    seen, left = 0, Counter[str]()
    files = sorted(run.rollouts.glob("round-*.parquet"))
    for number, path in enumerate(files):
        rows = _rows(path)
        if rows is None:
            left["file"] += 1
            continue
        for row in rows:
            seen += 1
            why = _why_not(row, problems)
            if why and (row["correct"] or not solved):
                left[why] += 1
            if not why:
                text = opened_in(row["prompt"]) + row["completion"]
                group = (number, row["draw"])
                answers.append(Answer(row["problem_id"], group, text, row["correct"]))
    if not seen:
        raise DataError(
            f"'{run.path}' has kept no rollouts that can be read; name a run that has sampled, "
            "with rounds in its folder rollouts/."
        )
    return _Found(answers, seen, tuple(_notes(run, left)))


def _rows(path: Path) -> list[dict[str, Any]] | None:
    """The rows of a round; None where they cannot be read, as while the run still writes them."""
    table = read_table(path, (*COLUMNS, "sampled"))
    if table is None:
        table = read_table(path, COLUMNS)  # of a version that did not know of tools
    return None if table is None else table.to_pylist()


def _why_not(row: Mapping[str, Any], problems: Set[str]) -> str:
    """The reason why an answer is not learned from; empty for one that is."""
    if row["problem_id"] not in problems:
        return "other"
    if row["finish"] != "stop":
        return "cut"
    if not all(row.get("sampled") or ()):
        return "tools"
    return "" if row["completion"].strip() else "empty"


LEFT_OUT = {
    "cut": "cut before the end",
    "tools": "not written by the model alone",
    "empty": "without text",
    "other": "to problems that the task does not train on now",
}
"""Words behind the number of answers that are left out, by the reason."""


def _notes(run: Run, left: Mapping[str, int]) -> Iterator[str]:
    """A note on each kind of answers that were left out."""
    for why, words in LEFT_OUT.items():
        if left[why]:
            yield f"Left out of '{run.path}': {counted(left[why], 'answer', ',')} {words}."
    if left["file"]:
        rounds = counted(left["file"], "round", ",")
        yield f"Left out of '{run.path}': {rounds} whose file cannot be read."


def _solved_and_not(answers: Sequence[Answer]) -> Iterator[tuple[str, str]]:
    """Pairs of a solved and an unsolved text of one group, each group's in order."""
    for _, of_group in groupby(answers, key=lambda answer: answer.group):
        group = list(of_group)
        solved = [answer.text for answer in group if answer.solved]
        yield from in_pairs(solved, [answer.text for answer in group if not answer.solved])


def _turn(text: str) -> tuple[Message, ...]:
    return demonstration(text).turns


def _gold(
    gold: Callable[[Problem], str | None], names: Mapping[str, str], problem: Problem
) -> str | None:
    """The gold answer of a problem, which the run's task knows under its own name."""
    return gold(replace(problem, id=names.get(problem.id, problem.id)))


def _of(
    brought: Mapping[str, tuple[Given, ...]], task: Task, problem: Problem
) -> tuple[Given, ...]:
    """What there is for a problem: of held-out ones what the run's own task has."""
    return brought[problem.id] if problem.id in brought else task.brought(problem)
