"""Multiple choice: any rows with a question, its options and the right one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError
from ..types import Problem
from ..verify.answers.choice import Choice, as_letter
from ..verify.answers.form import Tags
from ..verify.shaping.compose import Weighted
from .columns import Columns
from .notes import notes_on_repetitions, notes_on_several_answers
from .read import read_rows
from .row import Row, row_numbers
from .split import content_id, split
from .task import Task, Template

USER_TURN = (
    "{prompt}\n\nThink between <think> and </think>. Then write the letter of the right option "
    "alone between <answer> and </answer>."
)
"""Default of the user's turn."""


@dataclass(frozen=True, slots=True)
class MultipleChoice:
    """Questions with options A, B, C, …, of which one is right.

    Options are a list of texts, or {"text": […], "label": […]} as in ARC; the right one is named by
    its letter, its label, or its place from 0.
    """

    path: str = ""
    """Rows: a .jsonl, .json, .parquet or .csv file, a folder, or a hub name."""
    question: str = "question"
    """Column of questions."""
    options: str = "choices"
    """Column of options."""
    answer: str = "answer"
    """Column that names the right option."""
    split: str = "train"
    """Part of a folder or hub name to train on."""
    subset: str | None = None
    """Configuration of the hub data set; None is its default."""
    heldout: float = 0.1
    """Held-out rows: below 1 a share of them, from 1 on a number of them."""
    format_weight: float = 0.1
    """Reward for keeping to the tags, beside 1 for the right option."""
    system: str | None = None
    """System message before the question; None for none."""
    user: str = USER_TURN
    """The user's turn, with {prompt} where the question and its options go."""
    limit: int | None = None
    """Most rows to read, from the start; None reads all."""

    def load(self) -> Task:
        """The task.

        Raises: DataError for rows whose options or answers cannot be read.
        """
        if not self.path:
            raise ConfigError("task.path is empty; set it to a file, a folder or a hub name.")
        rows = read_rows(self.path, self.split, self.subset, self.limit)
        where = f"'{self.path}'"
        if not rows:
            raise DataError(f"{where} has no rows.")
        names = list(dict.fromkeys(name for row in rows for name in row))
        Columns(self.question, self.answer, others=(self.options,)).check_names(names, where)
        made: list[tuple[int, Problem]] = []
        wrong: list[int] = []
        for number, row in enumerate(rows, 1):
            problem = self._problem(row, f"row {number}")
            if problem is None:
                wrong.append(number)
            else:
                made.append((number, problem))
        if wrong:
            raise DataError(
                f"{row_numbers(wrong)} of {where}: the options in column '{self.options}' are not "
                f"a list of two to ten texts, or the answer in column '{self.answer}' names none "
                "of them."
            )
        problems: dict[str, Problem] = {}
        for _, problem in made:
            problems.setdefault(problem.id, problem)
        train, heldout = split(problems.values(), self.heldout)
        columns = self.question, self.answer
        notes = (
            *notes_on_several_answers(rows, made, columns, where),
            *notes_on_repetitions(rows, made, columns, where),
        )
        parts = (
            ("answer", Choice("tag", options="options"), 1.0),
            ("format", Tags(("think", "answer"), strict=True), self.format_weight),
        )
        return Task(
            Path(self.path).absolute().stem, train, heldout, Template(self.system, self.user),
            Weighted(parts), notes, gold=_gold, full=1.0 + self.format_weight,
        )  # fmt: skip

    def _problem(self, row: Row, place: str) -> Problem | None:
        options, labels = _options(row.get(self.options))
        question, answer = row.get(self.question), row.get(self.answer)
        if not isinstance(question, str) or not question.strip() or not 2 <= len(options) <= 10:
            return None
        if str(answer) in labels:
            answer = labels.index(str(answer))
        try:
            letter = as_letter(answer, len(options))
        except ConfigError:
            return None
        lines = [f"{chr(ord('A') + i)}. {option}" for i, option in enumerate(options)]
        prompt = "\n".join([question.strip(), *lines])
        data = {**{k: v for k, v in row.items() if k != self.question}, "options": options}
        return Problem(content_id(prompt, letter), prompt, letter, data, row=place)


def _options(value: Any) -> tuple[list[str], list[str]]:
    """The options' texts, and their labels if the row has them."""
    if isinstance(value, Mapping):
        return list(map(str, value.get("text", []))), list(map(str, value.get("label", [])))
    if isinstance(value, list | tuple):
        return list(map(str, value)), []
    return [], []


def _gold(problem: Problem) -> str:
    return f"<think>It is option {problem.answer}.</think>\n<answer>{problem.answer}</answer>"
