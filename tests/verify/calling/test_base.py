"""The operator that all verifiers of this package have."""

from typing import Any

import pytest

from paceline.types import Completion, Problem, Verdict
from paceline.verify import LastNumber, NumberIn, Tags, judge
from paceline.verify.shaping.compose import Gate


def score(verifier: Any, text: str, tokens: int = 1) -> Verdict:
    return judge(verifier, Problem("p", "?", "103"), Completion((7,) * tokens, (), text, "stop"))


def test_and_is_a_gate() -> None:
    def never(problem: Problem, completion: Completion) -> Any:
        raise AssertionError("it was asked")

    gate = Tags(("answer",), strict=True) & NumberIn("tag")
    assert gate == Gate(Tags(("answer",), strict=True), NumberIn("tag"))
    assert score(gate, "<answer>103</answer>") == Verdict(
        1.0, {"gate": 1.0, "then": 1.0}, "the answer is the expected one", True
    )
    refused = score(Tags(strict=True) & never, "103")
    assert (refused.reward, refused.solved, refused.parts) == (0.0, False, {"gate": 0.0})
    assert refused.reason.startswith("gate: ")
    assert (never & LastNumber()) == Gate(never, LastNumber())
    with pytest.raises(TypeError):
        _ = LastNumber() & 3  # type: ignore[operator]
