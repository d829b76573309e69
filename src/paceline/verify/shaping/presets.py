"""Reward sets that people know, as values, each with its source and what was changed.

They are ordinary verifiers: print one to see its parts, copy it to change it.
"""

from ...types import Verifier
from ..answers.form import Tags
from ..answers.math import ExactAnswer, NumberIn
from ..programs.code import PrintedAnswer
from ..programs.program import Where
from .compose import Weighted
from .length import LengthTarget
from .partial_credit import NumberPrinted, ProgramFailed, TagCount


def r1_zero(*, allow_cut: bool = False) -> Verifier:
    """Accuracy + format of DeepSeek-R1-Zero (arXiv 2501.12948, section 2.2.2): 1 for the right
    answer in <answer>, and 1 for keeping to <think>…</think><answer>…</answer>.

    The paper gives no weights; format here weighs 0.2, so that form alone is never worth learning
    for its own sake.
    """
    return Weighted(
        (
            ("accuracy", NumberIn("tag", allow_cut=allow_cut), 1.0),
            ("format", Tags(("think", "answer"), strict=True, allow_cut=allow_cut), 0.2),
        )
    )


def exact_and_numeric(*, allow_cut: bool = False) -> Verifier:
    """2.0 for the exact text of the answer, 1.5 for an equal number, 0.2 for each pair of tags that
    stands exactly once (the reward of the widely copied GRPO notebooks for GSM8K, 2025).

    Theirs pays the tags even if the answer is empty; here an empty pair earns nothing.
    """
    return Weighted(
        (
            ("numeric", NumberIn("tag", allow_cut=allow_cut), 1.5),
            ("exact", ExactAnswer("tag", ignore_case=False, allow_cut=allow_cut), 0.5),
            ("tags", TagCount(("reasoning", "answer")), 0.4),
        )
    )


def strict_format(*, allow_cut: bool = False) -> Verifier:
    """1 for <reasoning> and <answer> in order with nothing else around them, else 0."""
    return Tags(("reasoning", "answer"), strict=True, allow_cut=allow_cut)


def soft_format(*, allow_cut: bool = False) -> Verifier:
    """The share of <reasoning> and <answer> pairs that are in order."""
    return Tags(("reasoning", "answer"), allow_cut=allow_cut)


def program_of_thought(where: Where = "tag", *, allow_cut: bool = False) -> Verifier:
    """Accuracy by running the program, with small lenient parts that lead a beginner: a number was
    printed at all (+0.1), the program failed (−0.1), each whole pair of tags (+0.05).

    The parts together are worth a fifth of the answer.
    """
    return Weighted(
        (
            ("accuracy", PrintedAnswer(where, allow_cut=allow_cut), 1.0),
            ("number", NumberPrinted(where, allow_cut=allow_cut), 0.1),
            ("failed", ProgramFailed(where, allow_cut=allow_cut), 0.1),
            ("tags", TagCount(("reasoning", "answer")), 0.1),
        )
    )


def near_fifty(*, allow_cut: bool = False) -> Verifier:
    """−|50 − length| in characters: the reward of many first tutorials (summaries of TL;DR). A
    completion that was cut has a length like any other, `allow_cut` or not."""
    return LengthTarget(50, "characters")
