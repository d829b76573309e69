"""Stages of the line at the size of the tiny model."""

from paceline import recipes
from paceline.config import Config
from paceline.objective import named
from paceline.tasks import Manners

PAIRS = Manners(pairs=12, heldout=8, low=10, high=20)
"""A few pairs of answers, of which one has the better manners."""


def small_dpo(**changes: object) -> Config:
    """Direct preference optimisation in four steps."""
    config = recipes.tiny().with_(
        name="dpo", task=PAIRS, answers="given", objective=named.dpo(), steps=4,
        rollouts={"problems": 4, "completions": 8, "max_tokens": 70},
        optimizer={"lr": 5e-3}, evaluation={"problems": 8, "every": 2}, show_every=0,
    )  # fmt: skip
    return config.with_(**changes)


def small_reward_model(**changes: object) -> Config:
    """A reward model in four steps."""
    head = {"optimizer": {"lr": 1e-3, "head_lr": 3e-2}}
    config = small_dpo(name="reward_model", objective=named.bradley_terry(centre=0.01), **head)
    return config.with_(**changes)
