"""Notes for the user on rows that loaded: answers that were read in another way than they are
written, questions with several answers, rows that repeat others."""

import re
from collections.abc import Iterator, Sequence

from ..errors import DataError
from ..types import Problem
from .answers import as_text, is_bare_box, last_box
from .row import Row, cell, differing_columns, row_numbers
from .split import prompt_key

_DECIMAL = re.compile(r"-?\d+\.0+")


def notes_on_boxes(rows: Sequence[Row], answer: str, where: str) -> Iterator[str]:
    """A note that worked solutions are read as the content of their last box."""
    texts = [as_text(cell(row, answer)) for row in rows]
    worked = sum(last_box(text) is not None and not is_bare_box(text) for text in texts)
    if worked:
        yield (
            f"Of {worked} of {len(rows)} rows of {where} the answer is a worked solution; what its "
            "last \\boxed{…} holds is the expected answer."
        )


def notes_on_decimals(problems: Sequence[tuple[int, Problem]], where: str) -> Iterator[str]:
    """A note that a reward which compares texts takes 4.0 and 4 for two answers."""
    found = [(i, p.answer) for i, p in problems if _DECIMAL.fullmatch(p.answer)]
    if found:
        short = found[0][1].partition(".")[0]
        yield (
            f"{row_numbers([i for i, _ in found])} of {where}: the answer is written "
            f"{found[0][1]!r}, and the reward compares texts, so '{short}' earns nothing; take "
            "task.reward=last_number or tag to compare numbers."
        )


def notes_on_several_answers(
    rows: Sequence[Row],
    problems: Sequence[tuple[int, Problem]],
    columns: tuple[str, str],
    where: str,
) -> Iterator[str]:
    """A note on questions with several answers: a row pays for its own answer, and the others are
    taught as wrong.

    Args:
        columns: the columns of prompts and of answers.

    Raises: DataError where all rows are one such question.
    """
    asked: dict[str, dict[str, int]] = {}
    for i, problem in problems:
        asked.setdefault(prompt_key(problem.prompt), {}).setdefault(problem.answer, i)
    several = [answers for answers in asked.values() if len(answers) > 1]
    if not several:
        return
    first = several[0]
    numbers, shown = list(first.values()), " and ".join(repr(a)[:30] for a in list(first)[:2])
    example = f"{row_numbers(numbers).lower()}: {shown}{', …' if len(first) > 2 else ''}"
    other = [name for name in differing_columns(rows, numbers) if name not in columns]
    advice = "keep the right one."
    if other:
        user = f'task.user="{{prompt}}\\n{{{other[0]}}}"'
        advice = f"{user} asks with column '{other[0]}' as well."
    if len(asked) == 1:
        raise DataError(
            f"All rows of {where} ask one question and have several answers ({example}); {advice}"
        )
    if len(several) == 1:
        told = f"1 question of {where} has several answers ({example})"
    else:
        told = f"{len(several)} questions of {where} have several answers each (first {example})"
    yield f"{told}, and each row pays only for its own; {advice}"


def notes_on_repetitions(
    rows: Sequence[Row],
    problems: Sequence[tuple[int, Problem]],
    columns: Sequence[str | None],
    where: str,
) -> Iterator[str]:
    """A note on rows that were left out because an earlier one has the same prompt and answer."""
    first: dict[str, int] = {}
    repeated: list[int] = []
    other: dict[str, None] = {}
    for i, problem in problems:
        before = first.setdefault(problem.id, i)
        if before != i:
            repeated.append(i)
            other.update(dict.fromkeys(differing_columns(rows, [before, i])))
    if not repeated:
        return
    differing = [name for name in other if name not in columns]
    though = f" in prompt and answer, though not in [{', '.join(differing)}]" if differing else ""
    yield f"{row_numbers(repeated)} of {where}: left out, the same as an earlier row{though}."
