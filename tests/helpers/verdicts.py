"""Verdicts on completions that are made by hand."""

from typing import Any

from paceline.types import Completion, Problem, Verdict
from paceline.verify import judge
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig

PROBLEM = Problem("p", "?", "42")


def completion(text: str, finish: Any = "stop") -> Completion:
    return Completion((), (), text, finish)


def judged(
    verifier: Any, text: str, answer: str = "42", finish: Any = "stop", **data: Any
) -> Verdict:
    """The verdict on a text, called here and now."""
    return judge(verifier, Problem("p", "?", answer, data), completion(text, finish))


def ask_pool(verifier: Any, *texts: str, **settings: Any) -> list[Any]:
    """The answers of a pool with such settings on several texts, all asked at once."""
    with VerifierPool(verifier, RewardConfig(**settings)) as pool:
        futures = [pool.submit(PROBLEM, completion(text)) for text in texts]
        pool.flush()
        return [future.result() for future in futures]


def fenced(code: str) -> str:
    """A completion with a program in a fenced block."""
    return f"Here it is:\n```python\n{code}\n```\nDone."
