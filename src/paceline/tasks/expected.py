"""The expected answer of a row, as its verifier wants it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..types import Problem
from ..verify.answers.text.numerals import number
from .answers import are_whole_floats, as_text, is_missing, last_box, text_after
from .faults import Fault
from .notes import notes_on_boxes, notes_on_decimals
from .row import Row, cell

AnswerIs = Literal["number", "expression", "text", "anything"]
"""Kind of text that a reward compares with; "anything" may also be missing."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A column of expected answers.

    Example: Expected("solution", after="####", kind="number")
    """

    column: str | None
    """Column of answers, text or numbers; None if the rows have none."""
    after: str | None = None
    """Mark whose last occurrence the answer follows; None takes the whole column."""
    kind: AnswerIs = "anything"
    """Kind of answer that the verifier compares with. A number or an expression may be the box of a
    worked solution."""

    def are_whole_floats(self, rows: Sequence[Row]) -> bool:
        """True if all answers are whole numbers, and some are written as floats."""
        return self.column is not None and are_whole_floats(
            [cell(row, self.column) for row in rows]
        )

    def of(self, row: Row, *, floats: bool = False) -> tuple[str, Any]:
        """The expected answer as text, and as the row has it where that is something else.

        Args:
            floats: the answers of all rows are whole numbers, so that 4.0 is 4.

        Raises: Fault.
        """
        if self.column is None:
            return "", None
        value = cell(row, self.column)
        if isinstance(value, Mapping | list) and self.kind != "anything":
            raise Fault(f"the answer in column '{self.column}' is neither text nor a number", value)
        text = as_text(value, whole_floats=floats)
        raw = None if isinstance(value, str) or is_missing(value) else value
        if self.after is not None:
            rest = text_after(text, self.after)
            if rest is None:
                raise Fault(f"the answer has no {self.after}", value)
            text, raw = rest, None
        if self.kind in ("number", "expression"):
            inside = last_box(text)
            text = text if inside is None else inside
        text = text.strip()
        if self.kind != "anything" and not text:
            raise Fault(f"there is no answer in column '{self.column}'")
        if self.kind == "number" and number(text) is None:
            raise Fault(self._no_number(), text)
        return text, raw

    def _no_number(self) -> str:
        after = "task.answer_after=MARK for a number after a mark, "
        return (
            "the answer is not a plain number, and the reward compares numbers; use "
            "task.reward=symbolic for expressions, task.reward=exact for texts, "
            f"{after if self.after is None else ''}or a reward of your own"
        )

    def notes(
        self,
        rows: Sequence[Row],
        problems: Sequence[tuple[int, Problem]],
        where: str,
        *,
        floats: bool,
    ) -> Iterator[str]:
        """Notes on answers that are read in another way than they are written."""
        if self.column is None:
            return
        if floats:
            yield (
                f"The answers in column '{self.column}' of {where} are whole numbers written "
                "as floats, such as 4.0; they are read as 4."
            )
        if self.kind in ("number", "expression") and self.after is None:
            yield from notes_on_boxes(rows, self.column, where)
        if self.kind == "text":
            yield from notes_on_decimals(problems, where)
