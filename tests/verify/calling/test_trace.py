"""What is shown of an exception that a user's reward raised."""

import pytest

from paceline.errors import RewardError
from paceline.types import Completion, Problem
from paceline.verify.calling import trace
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig
from paceline.verify.calling.verifier import judge

PROBLEM, COMPLETION = Problem("p", "1 + 1?", "2"), Completion((), (), "2", "stop")


def breaks(problem, completion):
    return 1 / 0


def answers_none(problem, completion):
    return None


def told(verifier, workers: int) -> str:
    with VerifierPool(verifier, RewardConfig(workers=workers)) as verifiers:
        with pytest.raises(RewardError) as raised:
            verifiers.submit(PROBLEM, COMPLETION).result()
        return trace.of_reward(raised.value)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_users_frames_alone_here_and_from_a_worker(workers):
    lines = told(breaks, workers).splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    (frame,) = [line for line in lines if line.startswith("  File")]
    assert __file__ in frame and frame.endswith("in breaks")
    assert lines[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("workers", [0, 1])
def test_an_answer_that_is_none_has_no_traceback(workers):
    assert told(answers_none, workers) == ""


def test_what_only_our_own_frames_raised_is_told_without_them():
    with pytest.raises(RewardError) as raised:
        judge(lambda: 1.0, PROBLEM, COMPLETION)  # type: ignore[arg-type]
    (line,) = trace.of_reward(raised.value).splitlines()
    assert line.startswith("TypeError: ") and "2 were given" in line
