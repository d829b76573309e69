"""Reward functions with their parameters in several orders, and the reward each gives."""

import asyncio
from typing import Any

from paceline.types import Completion, Problem
from paceline.verify import adapt, judge

PROBLEM = Problem("p", "What is 30 + 4?", "34", {"level": 2})
RIGHT = Completion((1,), (-1.0,), "34", "stop")


def said(function: Any) -> float:
    """The reward of a function of any signature, called with the two above."""
    return judge(adapt(function), PROBLEM, RIGHT).reward


def same(problem: Any, completion: Any) -> float:
    """0.5 for the two nouns in their places."""
    return 0.5 if (problem, completion) == (PROBLEM, RIGHT) else 0.0


def turned_about(completion: Any, problem: Any) -> float:
    return same(problem, completion)


async def later(completion: Any, problem: Any) -> float:
    await asyncio.sleep(0)
    return same(problem, completion)
