"""Verifiers: what scores a completion. Standard library only, but for `SymbolicAnswer`, which is
loaded when it is first used."""

from typing import TYPE_CHECKING, Any

from .adapters import FromColumns, FromScore
from .asserts import Asserts
from .choice import Choice
from .code import Cases, PrintedAnswer
from .compose import Gate, Product, Weighted
from .form import Form, Tags, answer_in, answer_text
from .length import LengthTarget, Overlong, Repetition
from .lenient import NumberPrinted, ProgramFailed, TagCount
from .load import load_function
from .math import ExactAnswer, LastNumber, NumberIn, last_number, number
from .signatures import adapt
from .verifier import judge, name_of

if TYPE_CHECKING:
    from .symbolic import SymbolicAnswer

__all__ = [
    "Asserts", "Cases", "Choice", "ExactAnswer", "Form", "FromColumns", "FromScore", "Gate",
    "LastNumber", "LengthTarget", "NumberIn", "NumberPrinted", "Overlong", "PrintedAnswer",
    "Product", "ProgramFailed", "Repetition", "SymbolicAnswer", "TagCount", "Tags", "Weighted",
    "adapt", "answer_in", "answer_text", "judge", "last_number", "load_function", "name_of",
    "number",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "SymbolicAnswer":
        from .symbolic import SymbolicAnswer

        return SymbolicAnswer
    raise AttributeError(f"module 'paceline.verify' has no attribute '{name}'")
