"""Soft overlong punishment, DAPO equation 13."""

import pytest

from paceline.errors import ConfigError
from paceline.types import Completion, Problem
from paceline.verify import Overlong, judge
from paceline.verify.shaping.length import LengthTarget, Repetition


@pytest.mark.parametrize(
    ("tokens", "reward"),
    # L_max = 100, L_cache = 20: ((100 - 20) - n) / 20 between 80 and 100.
    [(0, 0.0), (80, 0.0), (81, -0.05), (90, -0.5), (99, -0.95), (100, -1.0), (5000, -1.0)],
)
def test_overlong(tokens: int, reward: float) -> None:
    completion = Completion((7,) * tokens, (0.0,) * tokens, "", "length")
    verdict = judge(Overlong(limit=100, buffer=20), Problem("p", "?"), completion)
    assert verdict.reward == pytest.approx(reward, abs=1e-12)
    assert verdict.solved == (reward == 0)  # so that it can be a gate


def test_reasons_do_not_count_tokens() -> None:
    reasons = [
        Overlong(100, 20)(Problem("p", "?"), Completion((7,) * n, (), "", "stop")).reason
        for n in (1, 80, 81, 99, 100, 200)
    ]
    within, buffer, limit = (
        "within the length",
        "in the buffer before the limit",
        "at the limit of its length",
    )
    assert reasons == [within, within, buffer, buffer, limit, limit]


@pytest.mark.parametrize(("limit", "buffer"), [(100, 0), (100, 101), (0, 0)])
def test_the_buffer_lies_within_the_limit(limit: int, buffer: int) -> None:
    with pytest.raises(ConfigError, match="0 < buffer <= limit"):
        Overlong(limit, buffer)


@pytest.mark.parametrize(
    ("verifier", "text", "ids", "reward", "solved"),
    [
        (LengthTarget(50, "characters"), "a" * 47, (), -3.0, True),
        (LengthTarget(50, "characters"), "a" * 60, (), -10.0, False),
        (LengthTarget(4, "words", 2.0), "one two three", (), -0.5, False),
        (LengthTarget(10), "", (1, 2, 3), -7.0, False),
        (Repetition(2), "", (5, 6, 5, 6, 7), -0.25, False),
        (Repetition(2, free=0.3), "", (5, 6, 5, 6, 7), 0.0, True),
        (Repetition(1), "", (5, 5, 5, 5), -0.75, False),
        (Repetition(4), "", (5, 5), 0.0, True),
    ],
)
def test_numbers_worked_by_hand(verifier, text, ids, reward, solved):
    verdict = judge(verifier, Problem("p", "?"), Completion(ids, (), text, "stop"))
    assert (verdict.reward, verdict.solved) == (pytest.approx(reward), solved)
