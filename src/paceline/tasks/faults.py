"""Rows that cannot be used: those with the same fault are told together, by their numbers."""

from dataclasses import dataclass, field

from ..errors import ConfigError, DataError
from ..text import shortened_repr
from .row import row_numbers

MOST_CHARACTERS = 1_000_000
"""Most characters of a prompt, of an answer or of a turn."""
DROP_ADVICE = " Fix them, or leave them out with task.on_error=drop."
"""Advice at the end of a message about rows that cannot be used."""


class Fault(Exception):
    """A row that cannot be used: a reason that several rows may share, this one's value, and
    details of this one."""

    def __init__(self, reason: str, value: object = None, details: str = ""):
        self.reason, self.details = reason, details
        self.value = "" if value is None else shortened_repr(value)


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


class Faults:
    """All faults of some rows, by their reasons, in the order in which they were found."""

    def __init__(self) -> None:
        self._found: dict[str, _AtFault] = {}

    def add(self, number: int, fault: Fault) -> None:
        """Take up the fault of one row, which counts from 1."""
        self._found.setdefault(fault.reason, _AtFault(fault)).rows.append(number)

    def notes(self, where: str, *, drop: bool, left: bool) -> list[str]:
        """A note for each fault: its rows were left out.

        Args:
            drop: the user asked to leave rows at fault out.
            left: there are other rows, without a fault.

        Raises: DataError about the first fault, unless its rows may be left out and others stay.
        """
        said = [one.told(where) for one in self._found.values()]
        if said and not (drop and left):
            raise DataError(f"{said[0]}.{'' if drop or not left else DROP_ADVICE}")
        return [f"Left out: {one[0].lower()}{one[1:]}." for one in said]


def check_text(text: str, noun: str) -> None:
    """Raise Fault for a text that no tokenizer should get: too long, or with characters that are no
    text.

    Args:
        noun: word for the text in the sentence, such as "prompt".
    """
    if len(text) > MOST_CHARACTERS:
        raise Fault(f"the {noun} is longer than {MOST_CHARACTERS:,} characters", text)
    if "\0" in text:
        raise Fault(f"the {noun} has a NUL character", text)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Fault(f"the {noun} is not valid Unicode", text) from None


def check_reaction(on_error: str) -> None:
    """Raise ConfigError for a reaction to rows at fault that there is not."""
    if on_error not in ("stop", "drop"):
        raise ConfigError(f"task.on_error is '{on_error}'; it is stop or drop.")
