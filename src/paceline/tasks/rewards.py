"""Rewards by name: the verifier of each, the answers that it compares with, and full marks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..types import Problem, Verifier
from ..verify.answers.choice import Choice
from ..verify.answers.math import ExactAnswer, LastNumber, NumberIn
from ..verify.programs.asserts import Asserts
from ..verify.programs.code import Cases, PrintedAnswer
from ..verify.shaping import presets
from .expected import AnswerIs


@dataclass(frozen=True, slots=True)
class NamedReward:
    """A reward that task.reward takes by its name.

    Example: NamedReward(partial(NumberIn, "hashes"), gold="#### {}")
    """

    make: Callable[..., Verifier]
    """Maker of the verifier; it takes `allow_cut` by keyword."""
    answer: AnswerIs = "number"
    """Kind of text that the answer column has to hold."""
    gold: str | None = None
    """Completion that earns full marks, with {} for the row's answer; None where no form of the
    answer does."""
    full: float = 1.0
    """Full marks."""


def _symbolic(*, allow_cut: bool) -> Verifier:
    # With it comes mpmath, which few tasks ask for.
    from ..verify.answers.symbolic import SymbolicAnswer

    return SymbolicAnswer("boxed", allow_cut=allow_cut)


REWARDS: dict[str, NamedReward] = {
    "last_number": NamedReward(LastNumber, gold="{}"),
    "exact": NamedReward(ExactAnswer, "text", "{}"),
    "tag": NamedReward(partial(NumberIn, "tag"), gold="<answer>{}</answer>"),
    "boxed": NamedReward(partial(NumberIn, "boxed"), gold="\\boxed{{{}}}"),
    "hashes": NamedReward(partial(NumberIn, "hashes"), gold="#### {}"),
    "symbolic": NamedReward(_symbolic, "expression", "\\boxed{{{}}}"),
    "choice": NamedReward(partial(Choice, "tag"), "text", "<answer>{}</answer>"),
    "printed": NamedReward(PrintedAnswer, gold="```python\nprint({})\n```"),
    "cases": NamedReward(Cases, "anything"),
    "asserts": NamedReward(Asserts, "anything"),
    "r1_zero": NamedReward(
        presets.r1_zero, gold="<think>It is so.</think>\n<answer>{}</answer>", full=1.2
    ),
    "exact_and_numeric": NamedReward(
        presets.exact_and_numeric,
        gold="<reasoning>It is so.</reasoning>\n<answer>{}</answer>",
        full=2.4,
    ),
    "strict_format": NamedReward(presets.strict_format, "anything"),
    "soft_format": NamedReward(presets.soft_format, "anything"),
    "program_of_thought": NamedReward(presets.program_of_thought),
    "near_fifty": NamedReward(presets.near_fifty, "anything"),
}
"""Rewards by name; docs/rewards.md says what each asks for."""


def in_form(form: str, problem: Problem) -> str | None:
    """The problem's answer in a form such as "#### {}"; None where it has none."""
    return form.format(problem.answer) if problem.answer else None
