"""Names of columns: the usual ones, and the sentence about one that is not there."""

from collections.abc import Sequence

from ..errors import DataError

USUAL_NAMES = {
    "prompt": ("prompt", "question", "problem", "query", "instruction", "input", "messages"),
    "answer": ("answer", "solution", "ground_truth", "target", "label", "output", "response"),
}
"""Usual names of the columns of prompts and of answers, to suggest one that is there."""


class MissingColumnError(DataError):
    """Rows without the column of prompts or of answers, told with the key that names it.

    A task whose columns have fixed names tells `found`, the sentence without that advice.
    """

    def __init__(self, found: str, advice: str):
        super().__init__(f"{found}; {advice}.")
        self.found = found


def is_among(name: str, names: Sequence[str]) -> bool:
    """True if there is a column of this name, or one that it is inside of (outer.inner)."""
    return name in names or name.partition(".")[0] in names


def check_column(
    key: str, name: str, names: Sequence[str], where: str, taken: Sequence[str | None] = ()
) -> None:
    """Raise MissingColumnError where a column is not among the rows' columns.

    Args:
        key: the option that names it, prompt or answer.
        taken: columns that are not to be suggested, because another option names them.
    """
    if is_among(name, names):
        return
    usual = [n for n in USUAL_NAMES[key] if n in names and n not in taken]
    advice = f"set task.{key}={usual[0]}" if usual else f"set task.{key} to one of them"
    if key == "answer":
        advice += ", or task.answer=none (in Python answer=None) where the reward needs none"
    raise MissingColumnError(
        f"The rows of {where} have columns [{', '.join(names)}], but the {key} column is '{name}'",
        advice,
    )
