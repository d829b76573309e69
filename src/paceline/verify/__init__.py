"""Verifiers, which score completions.

    calling     calling a verifier: the protocol, functions of users, workers, the pool
    answers     answers that are read: numbers, texts, expressions, letters, equations
    programs    answers that are run: programs, in the sandbox
    shaping     sums, products and gates of verifiers; lengths; partial credit; presets

A room imports from the rooms above it, never from those below: calling < answers < programs <
shaping.

Importing this package loads only the standard library. Three libraries are loaded at their first
use: mpmath for `SymbolicAnswer` (which is therefore imported at its first mention), markdown-it for
programs in fenced blocks, cloudpickle for workers.
"""

from typing import TYPE_CHECKING, Any

from .answers.choice import Choice
from .answers.countdown import Equation
from .answers.form import Form, Tags, answer_in, answer_text
from .answers.gym import GymAnswer
from .answers.math import ExactAnswer, LastNumber, NumberIn
from .answers.text.last_number import last_number
from .answers.text.numerals import number
from .calling.adapters import FromColumns, FromScore
from .calling.load import load_function
from .calling.signatures import adapt
from .calling.verifier import judge, name_of
from .programs.asserts import Asserts
from .programs.code import Cases, PrintedAnswer
from .programs.program import Running
from .programs.sandbox import Sandbox
from .shaping.compose import Gate, Product, Weighted
from .shaping.length import LengthTarget, Overlong, Repetition
from .shaping.partial_credit import NumberPrinted, ProgramFailed, TagCount

if TYPE_CHECKING:
    from .answers.symbolic import SymbolicAnswer

__all__ = [
    "Asserts", "Cases", "Choice", "Equation", "ExactAnswer", "Form", "FromColumns", "FromScore",
    "Gate", "GymAnswer", "LastNumber", "LengthTarget", "NumberIn", "NumberPrinted", "Overlong",
    "PrintedAnswer", "Product", "ProgramFailed", "Repetition", "Running", "Sandbox",
    "SymbolicAnswer", "TagCount", "Tags", "Weighted", "adapt", "answer_in", "answer_text", "judge",
    "last_number", "load_function", "name_of", "number",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "SymbolicAnswer":
        from .answers.symbolic import SymbolicAnswer

        return SymbolicAnswer
    raise AttributeError(f"module 'paceline.verify' has no attribute '{name}'")
