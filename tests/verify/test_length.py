"""Soft overlong punishment, DAPO equation 13."""

import pytest

from paceline.errors import ConfigError
from paceline.types import Completion, Problem
from paceline.verify import Overlong, judge


@pytest.mark.parametrize(
    ("tokens", "reward"),
    # L_max = 100, L_cache = 20: ((100 - 20) - n) / 20 between 80 and 100.
    [(0, 0.0), (80, 0.0), (81, -0.05), (90, -0.5), (99, -0.95), (100, -1.0), (5000, -1.0)],
)
def test_overlong(tokens: int, reward: float) -> None:
    completion = Completion((7,) * tokens, (0.0,) * tokens, "", "length")
    verdict = judge(Overlong(limit=100, buffer=20), Problem("p", "?"), completion)
    assert verdict.reward == pytest.approx(reward, abs=1e-12)
    assert not verdict.solved


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
