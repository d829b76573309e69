"""From rows with columns to problems; every fault is named with its rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import DataError, RewardError, nearest
from ..types import Given, Problem
from .answers import as_text, is_missing
from .column_names import check_column, is_among
from .expected import AnswerIs, Expected
from .faults import Fault, Faults, check_text
from .fill import PROMPT, check_filled, fill
from .notes import notes_on_repetitions, notes_on_several_answers
from .row import Row, cell
from .split import Question, content_id
from .task import is_empty


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """Problems made of rows."""

    problems: list[Problem]
    notes: list[str]
    """Notes on the rows for the user, a sentence each."""
    filled: bool = False
    """True if the prompts are whole user's turns already, with other columns in them."""
    given: Mapping[str, tuple[Given, ...]] = field(default_factory=dict)
    """The completions that each problem's row brings, by the problem's id; empty where rows bring
    none."""
    forms: Mapping[str, int] = field(default_factory=dict)
    """Problems by the form of their rows, where there are several forms."""


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

    @property
    def expected(self) -> Expected:
        """The column of answers, read as the verifier wants them."""
        return Expected(self.answer, self.answer_after, self.answer_is)

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
        names = names_of(rows)
        self.check_names(names, where)
        fills = check_filled(self.user, names, self.answer)
        floats = self.expected.are_whole_floats(rows)
        problems: dict[str, Problem] = {}
        made: list[tuple[int, Problem]] = []
        faults = Faults()
        for i, row in enumerate(rows, 1):
            try:
                problem = self._problem(row, fills, floats, f"row {i}{of}")
                if check is not None:
                    check_one(check, problem)
            except Fault as fault:
                faults.add(i, fault)
                continue
            made.append((i, problem))
            problems.setdefault(problem.id, problem)
        notes = faults.notes(where, drop=self.drop, left=bool(problems))
        return ProblemSet(
            list(problems.values()),
            [*notes, *self._notes(rows, made, where, floats=floats)],
            bool(fills),
        )

    def _notes(
        self, rows: Sequence[Row], made: Sequence[tuple[int, Problem]], where: str, *, floats: bool
    ) -> Iterator[str]:
        yield from self.expected.notes(rows, made, where, floats=floats)
        if self.answer is not None:
            yield from notes_on_several_answers(rows, made, (self.prompt, self.answer), where)
        yield from notes_on_repetitions(rows, made, (self.prompt, self.answer), where)

    def check_names(self, names: list[str], where: str) -> None:
        """Raise DataError naming a column that is not among these names."""
        taken = (self.prompt, self.answer)
        check_column("prompt", self.prompt, names, where, taken)
        if self.answer is not None:
            check_column("answer", self.answer, names, where, taken)
        for name in self.others:
            if not is_among(name, names):
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
        answer, raw = self.expected.of(row, floats=floats)
        data = {name: value for name, value in row.items() if name != self.prompt}
        return Problem(content_id(prompt, answer), prompt, answer, data, raw, place)


def names_of(rows: Sequence[Row]) -> list[str]:
    """The columns that any of the rows has, in the order in which they come."""
    return list(dict.fromkeys(name for row in rows for name in row))


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
        check_text(text, "prompt")
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
