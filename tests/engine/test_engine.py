"""Requests."""

import pytest

from paceline.engine import Request, Sampling
from paceline.types import Prompt


def test_limits_are_those_of_the_request_or_of_the_sampling():
    assert Request(Prompt((5,)), (1, 2)).token_limits(Sampling(7)) == (7, 7)
    assert Request(Prompt((5,)), (1, 2), limits=(3, 9)).token_limits(Sampling(7)) == (3, 9)


@pytest.mark.parametrize("limits", [(3,), (3, 0)])
def test_limits_that_fit_no_streams_are_refused(limits):
    with pytest.raises(ValueError, match="one number of tokens for each stream"):
        Request(Prompt((5,)), (1, 2), limits=limits)
