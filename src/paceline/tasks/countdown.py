"""Countdown: reach a target with the numbers given, each used once (the game; as a training task,
TinyZero, 2025)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from .. import rng
from ..errors import ConfigError, DataError
from ..types import Problem
from ..verify.answers.countdown import Equation
from ..verify.answers.form import Tags
from ..verify.shaping.compose import Weighted
from .notes import notes_on_repetitions
from .read import read_rows
from .split import split
from .task import Task, Template

QUESTION = (
    "Using the numbers {numbers}, create an equation that equals {target}. You can use +, -, * and "
    "/, and each number exactly once."
)
"""The question, with {numbers} and {target}."""
USER_TURN = (
    "{prompt}\n\nThink between <think> and </think>. Then write the equation alone between "
    "<answer> and </answer>, for example <answer>(1 + 2) / 3</answer>."
)
"""Default of the user's turn."""


@dataclass(frozen=True, slots=True)
class Countdown:
    """Problems such as "Using the numbers 3, 7, 25, create an equation that equals 46".

    Made up by the program, each with a solution; or rows with `nums` and `target` (as in
    Jiayi-Pan/Countdown-Tasks-3to4).
    """

    data: str | None = None
    """Rows with columns nums and target: a file, a folder or a hub name; None makes problems up."""
    numbers: int = 3
    """Fewest numbers in a problem."""
    most: int = 4
    """Most numbers in a problem."""
    low: int = 1
    """Smallest number in a problem."""
    high: int = 30
    """Largest number in a problem, at most 100; no target is above 100."""
    problems: int = 10_000
    """Most problems, training and held out together."""
    heldout: float = 0.05
    """Held-out problems: below 1 a share of them, from 1 on a number of them."""
    seed: int = 0
    """Seed of the problems that are made up."""
    format_weight: float = 0.1
    """Reward for keeping to the tags, beside 1 for the right equation."""
    system: str | None = None
    """System message before the question; None for none."""
    user: str = USER_TURN
    """The user's turn, with {prompt} where the question goes."""

    def load(self) -> Task:
        """The task.

        Raises: ConfigError for an empty range; DataError for rows without nums and target.
        """
        if not 2 <= self.numbers <= self.most <= 6 or not 1 <= self.low <= self.high <= 100:
            raise ConfigError(
                "task.numbers and task.most must be 2 to 6, and task.low and task.high 1 to 100, "
                "in order."
            )
        problems, notes = self._made_up() if self.data is None else self._read(self.data)
        train, heldout = split(problems, self.heldout, lambda p: p.id)
        verifier = Weighted(
            (
                ("equation", Equation("tag"), 1.0),
                ("format", Tags(("think", "answer"), strict=True), self.format_weight),
            )
        )
        return Task(
            "countdown", train, heldout, Template(self.system, self.user), verifier, notes,
            gold=_gold, full=1.0 + self.format_weight,
        )  # fmt: skip

    def _made_up(self) -> tuple[list[Problem], tuple[str, ...]]:
        """The problems, and a note where they are fewer than were asked for."""
        stream = rng.key(self.seed, "countdown")
        found: dict[str, Problem] = {}
        for i in range(64 * self.problems):
            if len(found) == self.problems:
                break
            made = self._one(rng.key(stream, i))
            if made is not None:
                found.setdefault(made.id, made)
        notes = ()
        if len(found) < self.problems:
            notes = (f"only {len(found)} different problems of this range were found.",)
        return list(found.values()), notes

    def _one(self, stream: int) -> Problem | None:
        """A random expression over random numbers, if its value is a fitting target."""
        count = rng.integer(stream, 0, self.numbers, self.most)
        numbers = [rng.integer(stream, 1 + i, self.low, self.high) for i in range(count)]
        parts = [(Fraction(n), str(n)) for n in numbers]
        for i in range(count - 1):
            a = parts.pop(rng.integer(stream, 100 + 3 * i, 0, len(parts) - 1))
            b = parts.pop(rng.integer(stream, 101 + 3 * i, 0, len(parts) - 1))
            operator = rng.choice(stream, 102 + 3 * i, ("+", "-", "*", "/"))
            if operator == "/" and (b[0] == 0 or (a[0] / b[0]).denominator > 1):
                return None
            value = {
                "+": lambda a=a, b=b: a[0] + b[0],
                "-": lambda a=a, b=b: a[0] - b[0],
                "*": lambda a=a, b=b: a[0] * b[0],
                "/": lambda a=a, b=b: a[0] / b[0],
            }[operator]()
            parts.append((value, f"({a[1]} {operator} {b[1]})"))
        value, text = parts[0]
        if not 1 <= value <= 100 or value in numbers:
            return None
        return _problem(numbers, int(value), text[1:-1])

    def _read(self, path: str) -> tuple[list[Problem], tuple[str, ...]]:
        """The problems of rows, and a note of those that are left out."""
        rows = read_rows(path, "train", None, self.problems)
        names = dict.fromkeys(name for row in rows for name in row)
        if not {"nums", "target"} <= set(names):
            raise DataError(
                f"The rows of '{path}' have columns [{', '.join(names)}]; countdown needs nums and "
                "target."
            )
        made = [(i, _from_row(row, i)) for i, row in enumerate(rows, 1)]
        found: dict[str, Problem] = {}
        for _, problem in made:
            found.setdefault(problem.id, problem)
        notes = notes_on_repetitions(rows, made, ("nums", "target"), f"'{path}'")
        return list(found.values()), tuple(notes)


def _from_row(row: Mapping[str, Any], place: int) -> Problem:
    try:
        numbers, target = [int(n) for n in row["nums"]], int(row["target"])
        if len(numbers) < 2 or numbers != list(row["nums"]) or target != row["target"]:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"Row {place} needs a list of whole numbers in nums and a whole number in target, not "
            f"{row.get('nums')!r:.60} and {row.get('target')!r:.30}."
        ) from None
    return replace(_problem(numbers, target, None), row=f"row {place}")


def _problem(numbers: list[int], target: int, solution: str | None) -> Problem:
    listed = ", ".join(map(str, numbers))
    prompt = QUESTION.replace("{numbers}", listed).replace("{target}", str(target))
    name = "-".join(map(str, sorted(numbers)))
    data = {"nums": list(numbers), "target": target, "solution": solution}
    return Problem(f"{name}={target}", prompt, str(target), data)


def _gold(problem: Problem) -> str | None:
    solution = problem.data["solution"]
    if not solution:
        return None
    return f"<think>{solution} is {problem.answer}.</think>\n<answer>{solution}</answer>"
