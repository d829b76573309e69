"""Verifiers: what scores a completion. Standard library only."""

from .compose import Weighted
from .form import Form, Tags, answer_in, answer_text
from .length import Overlong
from .load import load_function
from .math import ExactAnswer, LastNumber, NumberIn, last_number, number
from .signatures import FromColumns, FromScore, adapt
from .verifier import judge, name_of

__all__ = [
    "ExactAnswer",
    "Form",
    "FromColumns",
    "FromScore",
    "LastNumber",
    "NumberIn",
    "Overlong",
    "Tags",
    "Weighted",
    "adapt",
    "answer_in",
    "answer_text",
    "judge",
    "last_number",
    "load_function",
    "name_of",
    "number",
]
