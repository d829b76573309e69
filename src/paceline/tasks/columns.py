"""From rows with columns to problems; every fault is named with its rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import DataError, RewardError, nearest
from ..text import shortened_repr
from ..types import Problem
from ..verify.answers.text.numerals import number
from .answers import are_whole_floats, as_text, is_missing, last_box, text_after
from .fill import PROMPT, check_filled, fill
from .notes import notes_on_boxes, notes_on_decimals, notes_on_repetitions, notes_on_several_answers
from .row import Row, cell, row_numbers
from .split import Question, content_id
from .task import is_empty

USUAL_NAMES = {
    "prompt": ("prompt", "question", "problem", "query", "instruction", "input", "messages"),
    "answer": ("answer", "solution", "ground_truth", "target", "label", "output", "response"),
}
"""Usual names of the columns of prompts and of answers, to suggest one that is there."""
MOST_CHARACTERS = 1_000_000
"""Most characters of a prompt or an answer."""
AnswerIs = Literal["number", "expression", "text", "anything"]
"""Kind of text that a reward compares with; "anything" may also be missing."""


class Fault(Exception):
    """A row that cannot be used: a reason that several rows may share, this one's value, and
    details of this one."""

    def __init__(self, reason: str, value: object = None, details: str = ""):
        self.reason, self.details = reason, details
        self.value = "" if value is None else shortened_repr(value)


class MissingColumnError(DataError):
    """Rows without the column of prompts or of answers, told with the key that names it.

    A task whose columns have fixed names tells `found`, the sentence without that advice.
    """

    def __init__(self, found: str, advice: str):
        super().__init__(f"{found}; {advice}.")
        self.found = found


@dataclass(frozen=True, slots=True)
class _AtFault:
    """Rows that cannot be used for the same reason."""

    first: Fault
    rows: list[int] = field(default_factory=list)

    def told(self, where: str) -> str:
        """Example: Row 101 of 'apples.jsonl' ('four'): the answer is not a plain number"""
        value = self.first.value and (
            f" ({self.first.value})" if len(self.rows) == 1 else f" (the first: {self.first.value})"
        )
        rows = f"{row_numbers(self.rows)} of {where}{value}"
        return f"{rows}: {self.first.reason}{self.first.details}".removesuffix(".")


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """Problems made of rows."""

    problems: list[Problem]
    notes: list[str]
    """Notes on the rows for the user, a sentence each."""
    filled: bool
    """True if the prompts are whole user's turns already, with other columns in them."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns that make a problem."""

    prompt: str
    """Column of prompts, text or messages."""
    answer: str | None
    """Column of answers, text or numbers; None if the rows have none."""
    answer_after: str | None = None
    """Mark whose last occurrence the answer follows; None takes the whole column."""
    answer_is: AnswerIs = "anything"
    """Kind of answer that the verifier compares with. A number or an expression may be the box of a
    worked solution."""
    others: tuple[str, ...] = ()
    """Further columns that must be there."""
    user: str = "{prompt}"
    """The user's turn. One that names other columns in braces is filled in here, and becomes the
    problem's prompt; any other is filled in by `Template`."""
    drop: bool = False
    """Leave rows at fault out, with a note; False refuses them."""

    def problems(
        self,
        rows: Sequence[Row],
        where: str,
        check: Callable[[Problem], None] | None = None,
        of: str = "",
    ) -> ProblemSet:
        """The problems; of rows that repeat an earlier one, the first.

        Args:
            check: raises RewardError or Fault for a problem that no answer could be right for.
            of: words after a row's number in `Problem.row`.

        Raises: DataError naming the missing column, or the rows at fault; rows count from 1.
        """
        if not rows:
            raise DataError(f"{where} has no rows.")
        names = list(dict.fromkeys(name for row in rows for name in row))
        self.check_names(names, where)
        fills = check_filled(self.user, names, self.answer)
        floats = self.answer is not None and are_whole_floats(
            [cell(row, self.answer) for row in rows]
        )
        problems: dict[str, Problem] = {}
        made: list[tuple[int, Problem]] = []
        faults: dict[str, _AtFault] = {}
        for i, row in enumerate(rows, 1):
            try:
                problem = self._problem(row, fills, floats, f"row {i}{of}")
                if check is not None:
                    check_one(check, problem)
            except Fault as fault:
                faults.setdefault(fault.reason, _AtFault(fault)).rows.append(i)
                continue
            made.append((i, problem))
            problems.setdefault(problem.id, problem)
        said = [fault.told(where) for fault in faults.values()]
        if said and not (self.drop and problems):
            more = "" if self.drop or not problems else DROP_ADVICE
            raise DataError(f"{said[0]}.{more}")
        notes = [f"Left out: {one[0].lower()}{one[1:]}." for one in said]
        return ProblemSet(
            list(problems.values()),
            [*notes, *self._notes(rows, made, where, floats=floats)],
            bool(fills),
        )

    def _notes(
        self, rows: Sequence[Row], made: Sequence[tuple[int, Problem]], where: str, *, floats: bool
    ) -> Iterator[str]:
        if self.answer is not None:
            if floats:
                yield (
                    f"The answers in column '{self.answer}' of {where} are whole numbers written "
                    "as floats, such as 4.0; they are read as 4."
                )
            if self.answer_is in ("number", "expression") and self.answer_after is None:
                yield from notes_on_boxes(rows, self.answer, where)
            if self.answer_is == "text":
                yield from notes_on_decimals(made, where)
            yield from notes_on_several_answers(rows, made, (self.prompt, self.answer), where)
        yield from notes_on_repetitions(rows, made, (self.prompt, self.answer), where)

    def check_names(self, names: list[str], where: str) -> None:
        """Raise DataError naming a column that is not among these names."""
        for key, name in (("prompt", self.prompt), ("answer", self.answer)):
            if name is None or name in names or name.partition(".")[0] in names:
                continue
            taken = (self.prompt, self.answer)
            usual = [n for n in USUAL_NAMES[key] if n in names and n not in taken]
            advice = f"set task.{key}={usual[0]}" if usual else f"set task.{key} to one of them"
            if key == "answer":
                advice += (
                    ", or task.answer=none (in Python answer=None) where the reward needs none"
                )
            raise MissingColumnError(
                f"The rows of {where} have columns [{', '.join(names)}], but the {key} column is "
                f"'{name}'",
                advice,
            )
        for name in self.others:
            if name not in names and name.partition(".")[0] not in names:
                raise DataError(
                    f"The rows of {where} have columns [{', '.join(names)}], but no '{name}'."
                    f"{nearest(name, names)}"
                )

    def _problem(self, row: Row, fills: Sequence[str], floats: bool, place: str) -> Problem:
        value = cell(row, self.prompt)
        if fills and isinstance(value, str) and value.strip():
            known = {name: as_text(cell(row, name), whole_floats=True) for name in fills}
            value = fill(self.user, {PROMPT: value, **known})
        prompt = _prompt(value, self.prompt)
        answer, raw = self._answer(row, floats)
        data = {name: value for name, value in row.items() if name != self.prompt}
        return Problem(content_id(prompt, answer), prompt, answer, data, raw, place)

    def _answer(self, row: Row, floats: bool) -> tuple[str, Any]:
        """The expected answer as text, and as the row has it where that is something else."""
        if self.answer is None:
            return "", None
        value = cell(row, self.answer)
        if isinstance(value, Mapping | list) and self.answer_is != "anything":
            raise Fault(f"the answer in column '{self.answer}' is neither text nor a number", value)
        text = as_text(value, whole_floats=floats)
        raw = None if isinstance(value, str) or is_missing(value) else value
        if self.answer_after is not None:
            rest = text_after(text, self.answer_after)
            if rest is None:
                raise Fault(f"the answer has no {self.answer_after}", value)
            text, raw = rest, None
        if self.answer_is in ("number", "expression"):
            inside = last_box(text)
            text = text if inside is None else inside
        text = text.strip()
        if self.answer_is != "anything" and not text:
            raise Fault(f"there is no answer in column '{self.answer}'")
        if self.answer_is == "number" and number(text) is None:
            after = "task.answer_after=MARK for a number after a mark, "
            raise Fault(
                "the answer is not a plain number, and the reward compares numbers; use "
                "task.reward=symbolic for expressions, task.reward=exact for texts, "
                f"{after if self.answer_after is None else ''}or a reward of your own",
                text,
            )
        return text, raw


DROP_ADVICE = " Fix them, or leave them out with task.on_error=drop."
"""Advice at the end of a message about rows that cannot be used."""


def check_one(check: Callable[[Problem], None], problem: Problem) -> None:
    """Have a problem checked. Raises: Fault, also in place of a RewardError."""
    try:
        check(problem)
    except RewardError as error:
        raise Fault(
            "no answer could be judged", details=f". For the first of them: {error}"
        ) from error


def _prompt(value: Any, column: str) -> Question:
    if is_missing(value):
        raise Fault(f"there is no prompt in column '{column}'")
    prompt = value if isinstance(value, str) else _messages(value)
    if is_empty(prompt):
        raise Fault(f"the prompt in column '{column}' is empty")
    for text in (prompt,) if isinstance(prompt, str) else (m["content"] for m in prompt):
        if len(text) > MOST_CHARACTERS:
            raise Fault(f"the prompt is longer than {MOST_CHARACTERS:,} characters", text)
        if "\0" in text:
            raise Fault("the prompt has a NUL character", text)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Fault("the prompt is not valid Unicode", text) from None
    return prompt


def _messages(value: Any) -> Question:
    if not isinstance(value, list | tuple):
        raise Fault("the prompt is neither text nor messages", value)
    turns: list[dict[str, str]] = []
    for turn in value:
        if not isinstance(turn, Mapping) or not {"role", "content"} <= turn.keys():
            raise Fault("the messages are not all {role, content}", turn)
        if not isinstance(turn["role"], str) or not isinstance(turn["content"], str):
            raise Fault("a message's role or content is not text", turn)
        turns.append({"role": turn["role"], "content": turn["content"]})
    if turns and turns[-1]["role"] == "assistant":
        raise Fault("the messages end with the assistant's turn, so nothing is left to ask")
    return tuple(turns)
