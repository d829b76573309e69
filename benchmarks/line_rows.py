"""The rows of one update, given: what both sides of `against_trl_line.py` make a gradient of.

The standard library only: the interpreter with TRL need not have paceline.
"""

from dataclasses import dataclass, field
from typing import Any

ROWS = (
    ("What is 3 plus 5?", " It is 8.", " 9", 0.5),
    ("What is 14 plus 7?", " 21", " The sum of both is 20.", 0.0),
    ("Add 2 and 2.", " 4, as 2 and 2 are 4.", " 2 and 2 are 5.", 1.5),
    ("9 + 9 = ", "18", "19", 0.25),
    ("How much is 40 less 15?", " That leaves 25.", " That leaves 35, I think.", 2.0),
    ("6 * 7?", " 42!", " 6 times 7", 0.0),
)
"""Prompt, the preferred completion, the other one, and by how much it is preferred."""
CONVERSATION = (
    [{"role": "user", "content": "2+2?"}],
    [{"role": "assistant", "content": "4"}],
)
"""A prompt and its answer, for the chat template."""
MICRO = 2
"""Rows that TRL's trainers take at a time: three micro-batches make the update."""


@dataclass(frozen=True, slots=True)
class Case:
    """A trainer of TRL with settings that differ from its own."""

    trainer: str
    """Its name, such as DPOTrainer."""
    settings: dict[str, Any] = field(default_factory=dict)
    margins: bool = False
    """Whether the rows have their margins."""


def columns(case: Case) -> dict[str, list[Any]]:
    """The rows as TRL's trainer of the case takes them, plain text."""
    prompts, chosen, rejected, margins = (list(column) for column in zip(*ROWS, strict=True))
    if case.trainer == "SFTTrainer":
        return {"prompt": prompts, "completion": chosen}
    pairs = {"prompt": prompts, "chosen": chosen, "rejected": rejected}
    return {**pairs, "margin": margins} if case.margins else pairs
