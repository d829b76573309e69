"""Configs of small runs."""

from pathlib import Path

from paceline import recipes

OWN_SURROGATE = (
    "from paceline import objective as o\n\n"
    "def plain(log_ratio_BT, advantage_BT):\n    return log_ratio_BT.exp() * advantage_BT\n\n"
    "mine = o.Objective(advantage=o.Center(), surrogate=plain)\n"
)
"""A file of a user's, with a function that a config names."""


def small(out: Path | None, **changes):
    changes = {"steps": 3, "rollouts": {"problems": 3, "completions": 4, "max_tokens": 4}} | changes
    return recipes.tiny().with_(out=None if out is None else str(out), **changes)
