"""From rows of demonstrations or preferences to problems that bring their completions; every fault
is named with its rows."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import DataError
from ..types import TEXT, Given, Problem
from .column_names import check_column
from .columns import ProblemSet, check_one, names_of
from .expected import Expected
from .faults import Fault, Faults
from .notes import notes_on_repetitions
from .pair_forms import LABELLED, PREFERENCES, labelled_pairs
from .row import Row, row_numbers
from .row_forms import ASKING, DEMONSTRATIONS, Form, ReadRow, form_of, refuse_bad
from .split import Question, content_id
from .turns import answers_in

ALONE = (
    "its prompt has no completion with the other label, and labelled completions are learned from "
    "in pairs"
)
"""Fault of a labelled row that has no other to be compared with."""


@dataclass(frozen=True, slots=True)
class Made:
    """A problem and what its row, or its two rows, bring."""

    number: int
    """Number of the row; of two rows the first one's."""
    problem: Problem
    given: tuple[Given, ...]
    form: str
    """Name of the row's form."""


@dataclass(slots=True)
class _Reading:
    """Rows, while they are read."""

    faults: Faults = field(default_factory=Faults)
    made: list[Made] = field(default_factory=list)
    labelled: list[tuple[int, ReadRow]] = field(default_factory=list)
    """Rows with a label, which make no problem yet."""
    unanswered: list[int] = field(default_factory=list)
    """Numbers of rows whose last turns were left out."""


@dataclass(frozen=True, slots=True)
class GivenReader:
    """Forms in which rows may bring completions, and the answer that a reward compares with.

    Example: GivenReader(DEMONSTRATIONS).problems([{"text": "Once upon a time"}], "'x'", "")
    """

    forms: tuple[Form, ...]
    """Forms that are looked for: those of demonstrations, or those of preferences."""
    named: str = "auto"
    """Name of the form that all rows have; "auto" recognises each row's."""
    drop: bool = False
    """Leave rows at fault out, with a note; False refuses them."""
    expected: Expected | None = None
    """Expected answers for a reward; None where there is no reward."""
    check: Callable[[Problem], None] | None = None
    """Raises RewardError for a problem that no answer could be right for."""

    def problems(self, rows: Sequence[Row], where: str, of: str) -> ProblemSet:
        """The problems; of rows that repeat an earlier one, the first.

        Args:
            of: words after a row's number in `Problem.row`.

        Raises: DataError naming the missing column of answers, or the rows at fault.
        """
        if not rows:
            raise DataError(f"{where} has no rows.")
        floats = False
        if self.expected is not None and self.expected.column is not None:
            check_column("answer", self.expected.column, names_of(rows), where)
            floats = self.expected.are_whole_floats(rows)
        reading = _Reading()
        for number, row in enumerate(rows, 1):
            try:
                self._take(reading, number, row, floats, of)
            except Fault as fault:
                reading.faults.add(number, fault)
        self._join_labelled(reading, of)
        found: dict[str, Made] = {}
        for one in reading.made:
            found.setdefault(one.problem.id, one)
        notes = reading.faults.notes(where, drop=self.drop, left=bool(found))
        return ProblemSet(
            [one.problem for one in found.values()],
            [*notes, *self._notes(rows, reading, where, floats=floats)],
            given={one.problem.id: one.given for one in found.values()},
            forms=Counter(one.form for one in found.values()),
        )

    def _take(self, reading: _Reading, number: int, row: Row, floats: bool, of: str) -> None:
        """Read one row. Raises: Fault."""
        others = PREFERENCES if self.forms == DEMONSTRATIONS else DEMONSTRATIONS
        form = form_of(row, self.forms, others, self.named)
        if self.named == "auto" and self.forms == DEMONSTRATIONS:
            refuse_bad(row, form)
        read = form.read(row)
        if read.unanswered:
            reading.unanswered.append(number)
        if form is LABELLED:
            reading.labelled.append((number, read))
            return
        problem = self._problem(row, read, floats, f"row {number}{of}")
        if self.check is not None:
            check_one(self.check, problem)
        reading.made.append(Made(number, problem, read.given, form.name))

    def _problem(self, row: Row, read: ReadRow, floats: bool, place: str) -> Problem:
        answer, raw = "", None
        if self.expected is not None:
            _check_one_answer(read)
            answer, raw = self.expected.of(row, floats=floats)
        data = {name: value for name, value in row.items() if name not in ASKING}
        return _problem(read, answer, data, raw, place)

    def _join_labelled(self, reading: _Reading, of: str) -> None:
        pairs, alone = labelled_pairs(reading.labelled)
        for number in alone:
            fault = Fault(ALONE)
            reading.faults.add(number, fault)
        for two in pairs:
            place = f"{row_numbers(sorted(two.rows)).lower()}{of}"
            problem = _problem(two.read, "", {}, None, place)
            reading.made.append(Made(min(two.rows), problem, two.read.given, LABELLED.name))

    def _notes(
        self, rows: Sequence[Row], reading: _Reading, where: str, *, floats: bool
    ) -> Iterator[str]:
        made = [(one.number, one.problem) for one in reading.made]
        if reading.unanswered:
            yield (
                f"{row_numbers(reading.unanswered)} of {where}: the turns behind the last answer "
                "are left out, as nobody answers them."
            )
        if self.expected is not None:
            yield from self.expected.notes(rows, made, where, floats=floats)
        single = [(one.number, one.problem) for one in reading.made if one.form != LABELLED.name]
        yield from notes_on_repetitions(rows, single, (), where)


def _check_one_answer(read: ReadRow) -> None:
    """Raise Fault for a row whose expected answer is not that of its prompt."""
    given = read.given[0]
    if given.turns[0]["role"] == TEXT:
        raise Fault("a plain text asks nothing that task.reward could judge; leave task.reward out")
    if answers_in(given) > 1:
        raise Fault(
            "the conversation has several answers, and task.reward judges one; leave task.reward "
            "out"
        )


def _problem(read: ReadRow, answer: str, data: dict[str, Any], raw: Any, place: str) -> Problem:
    name = given_id(read.prompt, answer, read.given)
    return Problem(name, read.prompt, answer, data, raw, place)


def given_id(prompt: Question, answer: str, given: Sequence[Given]) -> str:
    """A name for a problem by all of it that can train: rows with one prompt and other completions
    are other problems."""
    parts = [([dict(turn) for turn in one.turns], one.reward, one.margin) for one in given]
    brought = json.dumps(parts, ensure_ascii=False)
    return content_id(prompt, f"{answer}\x1d{brought}")
