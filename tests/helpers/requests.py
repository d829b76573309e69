"""Requests that tests of the engine share."""

from paceline import rng
from paceline.engine import Request
from paceline.types import Prompt

PROMPTS = [(5, 6, 7), (8, 9, 10, 11, 12, 13, 14), (20,), (21, 22, 23, 24)]
BEGUN = [(30, 31, 32, 33, *p) for p in PROMPTS]
"""The same behind four tokens that all begin with."""


def requests(completions=3, prompts=PROMPTS, tag="t"):
    return [
        Request(Prompt(p), tuple(rng.key(0, tag, i, k) for k in range(completions)))
        for i, p in enumerate(prompts)
    ]


RAGGED = [
    Request(Prompt(p), tuple(rng.key(0, "r", i, k) for k in range(5)), limits)
    for i, (p, limits) in enumerate(
        zip(PROMPTS, [(9, 1, 4, 2, 7), (1, 1, 1, 1, 1), (3, 12, 5, 12, 6), (2, 2, 10, 1, 8)],
            strict=True)
    )
]  # fmt: skip
"""Completions of prescribed lengths; all of one group are over after their first token."""


def token_ids(answers):
    """The tokens of each request's completions, to compare what two engines said."""
    return [[c.token_ids for c in group] for group in answers]
