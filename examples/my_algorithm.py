"""An algorithm of your own: an Objective with a part that you wrote.

A part is any function with the right signature; a frozen dataclass also prints as itself, compares
equal and is recorded with the run.

    python examples/my_algorithm.py         # trains the tiny model for a few seconds
    paceline train tiny --objective examples/my_algorithm.py:median_grpo
"""

from dataclasses import dataclass

import torch
from torch import Tensor

import paceline
from paceline import Objective, Round
from paceline.objective import Clip, PerToken


@dataclass(frozen=True)
class MedianBaseline:
    """A_i = r_i − the median of the group: one lucky answer does not lower all the others."""

    def __call__(self, round: Round) -> Tensor:
        reward_B = torch.tensor(round.returns, dtype=torch.float64)
        group_B = torch.tensor(round.group_of)
        advantage_B = torch.zeros_like(reward_B)
        for group in group_B.unique():
            mine = group_B == group
            # quantile(0.5) is the mean of the middle two; equal rewards give exact zeros.
            advantage_B[mine] = reward_B[mine] - reward_B[mine].quantile(0.5)
        return advantage_B


def median_grpo() -> Objective:
    """GRPO with a median baseline, no standard deviation, and DAPO's wider upper clip."""
    return Objective(advantage=MedianBaseline(), surrogate=Clip(0.2, 0.28), weight=PerToken())


def main(out: str | None = None) -> None:
    config = paceline.recipes.tiny().with_(name="my-algorithm", objective=median_grpo(), out=out)
    paceline.train(config.with_(schedule={"minibatches": 2}))


if __name__ == "__main__":
    main()
