"""What tests share: the tiny model, a small task, a round made by hand."""

import os
from collections.abc import Sequence

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Sentences are compared as they are, not as a terminal breaks them. Importing readline, as pytest
# does, sets COLUMNS behind os.environ, where only programs that a test starts see it.
os.environ.pop("COLUMNS", None)
os.unsetenv("COLUMNS")

import pytest
import torch

from tests.helpers import shapes

shapes.switch_on()  # before any module of the package is imported

from paceline.model import Policy, load_policy, load_tokenizer, resolve  # noqa: E402
from paceline.types import (  # noqa: E402
    Completion,
    Group,
    Problem,
    Prompt,
    Rollout,
    Round,
    Verdict,
)


@pytest.fixture(scope="session", autouse=True)
def threads() -> None:
    """One, unless OMP_NUM_THREADS says more: tests run beside each other, and more threads than
    cores would only make them slow."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def tiny_policy(dtype: torch.dtype = torch.float32, *, train: bool = True, seed: int = 0) -> Policy:
    source = resolve("tiny")
    return load_policy(source, load_tokenizer(source), dtype=dtype, train=train, seed=seed)


@pytest.fixture
def policy() -> Policy:
    return tiny_policy()


def group_of(
    prompt_ids: Sequence[int],
    rows: Sequence[tuple[Sequence[int], Sequence[float], float]],
    *,
    draw: int = 0,
    cut: Sequence[int] = (),
) -> Group:
    """A group from (token ids, log-probabilities, reward) of each row; rows in `cut` were cut."""
    problem = Problem(f"p{draw}", f"question {draw}", "1")
    rollouts = tuple(
        Rollout(
            problem,
            Completion(tuple(ids), tuple(logp), "", "length" if i in cut else "stop"),
            Verdict(reward),
        )
        for i, (ids, logp, reward) in enumerate(rows)
    )
    return Group(problem, Prompt(tuple(prompt_ids)), rollouts, draw)


def ragged_round(seed: int = 0, groups: int = 3, completions: int = 4, words: int = 80) -> Round:
    """A round with prompts and completions of different lengths, one group of equal rewards among
    them, and log-probabilities of an engine that is near the tiny model."""
    generator = torch.Generator().manual_seed(seed)

    def number(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=generator))

    made = []
    for g in range(groups):
        rows = []
        for i in range(completions):
            ids = [number(4, words) for _ in range(number(1, 9))]
            logp = (-4.4 + 0.3 * torch.randn(len(ids), generator=generator)).tolist()
            rows.append((ids, logp, 1.0 if g == 1 else float((i + g) % 3)))
        made.append(group_of([number(4, words) for _ in range(number(3, 12))], rows, draw=g))
    return Round(0, tuple(made))
