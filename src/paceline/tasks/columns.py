"""From rows with columns to problems; every fault is named with its rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import DataError, nearest
from ..types import Problem
from ..verify.math import number
from .read import Row
from .split import Prompt, content_id
from .task import is_empty

USUAL_NAMES = {
    "prompt": ("prompt", "question", "problem", "query", "instruction", "input", "messages"),
    "answer": ("answer", "solution", "ground_truth", "target", "label", "output", "response"),
}
LONGEST = 1_000_000
"""Characters of a prompt or an answer."""


class Fault(Exception):
    """What is wrong with one row: a reason that several rows may share, and this row's value."""

    def __init__(self, reason: str, value: object = None):
        self.reason = reason
        self.shown = "" if value is None else f" (the first is {repr(value)[:60]})"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns make a problem."""

    prompt: str
    """Text or messages."""
    answer: str | None
    """Text or a number; None where the rows have none."""
    answer_after: str | None = None
    """The answer is what follows the last of this mark."""
    answer_is: Literal["number", "text", "anything"] = "anything"
    """What the verifier can compare with; "anything" may also be missing."""
    others: tuple[str, ...] = ()
    """Columns that something else needs."""

    def problems(self, rows: Sequence[Row], where: str) -> tuple[list[Problem], list[int]]:
        """The problems, and the numbers of the rows that repeat an earlier one and were left out.

        Raises: DataError naming the missing column, or the rows at fault; rows count from 1.
        """
        if not rows:
            raise DataError(f"{where} has no rows.")
        self.check_names(list(dict.fromkeys(name for row in rows for name in row)), where)
        problems: dict[str, Problem] = {}
        repeated: list[int] = []
        faults: dict[str, tuple[str, list[int]]] = {}
        for i, row in enumerate(rows, 1):
            try:
                problem = self._problem(row)
            except Fault as fault:
                faults.setdefault(fault.reason, (fault.shown, []))[1].append(i)
                continue
            if problem.id in problems:
                repeated.append(i)
            problems.setdefault(problem.id, problem)
        for reason, (shown, numbers) in faults.items():
            raise DataError(f"{in_words(numbers)} of {where}: {reason}{shown}.")
        return list(problems.values()), repeated

    def check_names(self, names: list[str], where: str) -> None:
        """Raise DataError naming a column that is not among these names."""
        for key, name in (("prompt", self.prompt), ("answer", self.answer)):
            if name is None or name in names or name.partition(".")[0] in names:
                continue
            taken = (self.prompt, self.answer)
            usual = [n for n in USUAL_NAMES[key] if n in names and n not in taken]
            advice = f"set task.{key}={usual[0]}" if usual else f"set task.{key} to one of them"
            if key == "answer":
                advice += ", or task.answer=none where the reward needs none"
            raise DataError(
                f"The rows of {where} have columns [{', '.join(names)}], but the {key} column is "
                f"'{name}'; {advice}."
            )
        for name in self.others:
            if name not in names and name.partition(".")[0] not in names:
                raise DataError(
                    f"The rows of {where} have columns [{', '.join(names)}], but no '{name}'."
                    f"{nearest(name, names)}"
                )

    def _problem(self, row: Row) -> Problem:
        prompt, answer = _prompt(cell(row, self.prompt), self.prompt), self._answer(row)
        data = {name: value for name, value in row.items() if name != self.prompt}
        return Problem(content_id(prompt, answer), prompt, answer, data)

    def _answer(self, row: Row) -> str:
        if self.answer is None:
            return ""
        value = cell(row, self.answer)
        if isinstance(value, Mapping | list) and self.answer_is != "anything":
            raise Fault(f"the answer in column '{self.answer}' is no text or number", value)
        text = _as_text(value)
        if self.answer_after is not None:
            _, mark, text = text.rpartition(self.answer_after)
            if not mark:
                raise Fault(f"the answer has no {self.answer_after}", value)
        text = text.strip()
        if self.answer_is != "anything" and not text:
            raise Fault(f"there is no answer in column '{self.answer}'")
        if self.answer_is == "number" and number(text) is None:
            raise Fault(
                "the answer is no plain number, and the reward compares numbers; use "
                "task.reward=exact, task.answer_after=MARK or a reward of your own",
                text,
            )
        return text


def cell(row: Mapping[str, Any], column: str) -> Any:
    """A row's value in a column, or in one inside another (outer.inner); None if missing."""
    if column in row:
        return row[column]
    value: Any = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def in_words(numbers: Sequence[int]) -> str:
    """Row numbers for a message: "Row 3", "Rows 3 and 9", "Rows 3, 9, 12, 20, 31 and 7 more"."""
    if len(numbers) == 1:
        return f"Row {numbers[0]}"
    shown, more = list(map(str, numbers[:5])), len(numbers) - 5
    last = f"{more} more" if more > 0 else shown.pop()
    return f"Rows {', '.join(shown)} and {last}"


def _as_text(value: object) -> str:
    if isinstance(value, Mapping | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return "" if value is None else str(value)


def _prompt(value: Any, column: str) -> Prompt:
    if value is None:
        raise Fault(f"there is no prompt in column '{column}'")
    prompt = value if isinstance(value, str) else _messages(value)
    if is_empty(prompt):
        raise Fault(f"the prompt in column '{column}' is empty")
    for text in (prompt,) if isinstance(prompt, str) else (m["content"] for m in prompt):
        if len(text) > LONGEST:
            raise Fault(f"the prompt is longer than {LONGEST:,} characters", text)
        if "\0" in text:
            raise Fault("the prompt has a NUL character", text)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Fault("the prompt is not valid Unicode", text) from None
    return prompt


def _messages(value: Any) -> Prompt:
    if not isinstance(value, list | tuple):
        raise Fault("the prompt is neither text nor messages", value)
    turns: list[dict[str, str]] = []
    for turn in value:
        if not isinstance(turn, Mapping) or not {"role", "content"} <= turn.keys():
            raise Fault("the messages are not all {role, content}", turn)
        if not isinstance(turn["role"], str) or not isinstance(turn["content"], str):
            raise Fault("a message's role or content is no text", turn)
        turns.append({"role": turn["role"], "content": turn["content"]})
    if turns and turns[-1]["role"] == "assistant":
        raise Fault("the messages end with the assistant's turn, so nothing is left to ask")
    return tuple(turns)
