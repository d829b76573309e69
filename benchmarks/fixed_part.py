"""The numbers of one update, drawn once: what both sides of `against_trl_loss.py` make a loss of.

Torch and the standard library only: the interpreter with TRL need not have paceline. All numbers
are exact in fp32, so that either side may hold them in it.

Letters: B rows, T tokens (the longest row's).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROWS, WIDTH = 20, 9
SPREADS = (1.5, 0.3, 1e-3, 2e-4)
"""Of the log-ratios, row after row: so that a cap of 5, a clip of 0.2 and one of 3e-4 all bind
somewhere, and nowhere everywhere."""


@dataclass(frozen=True, slots=True)
class FixedPart:
    """Rows of ragged length with holes that the model did not sample; a few were cut."""

    lengths: list[int]
    """[B] tokens of each completion."""
    sampled: list[list[bool]]
    """[B, T] whether the model sampled the token; False beyond the length."""
    cut: list[bool]
    """[B] whether the completion ended without a stop token."""
    rewards: list[list[float]]
    """[2, B] what two reward functions say; one function is the first of them."""
    anchor: list[list[float]]
    """[B, T] log-probabilities at the start of the round."""
    ref: list[list[float]]
    """[B, T] those of the reference."""
    logp: list[list[float]]
    """[B, T] those of the policy that is updated."""
    entropy: list[list[float]]
    """[B, T] its entropy."""

    @classmethod
    def draw(cls, seed: int) -> "FixedPart":
        generator = torch.Generator().manual_seed(seed)

        def normal() -> Tensor:
            return torch.randn(ROWS, WIDTH, generator=generator)

        lengths_B = torch.randint(2, WIDTH + 1, (ROWS,), generator=generator)
        real_BT = torch.arange(WIDTH) < lengths_B.unsqueeze(1)
        sampled_BT = real_BT & (torch.rand(ROWS, WIDTH, generator=generator) > 0.2)
        sampled_BT[torch.arange(ROWS), lengths_B - 1] = True
        rewards_2B = torch.randint(0, 4, (2, ROWS), generator=generator) / 2
        rewards_2B[:, 4:8] = 0.5  # a group of four, and two of two, without signal
        anchor_BT = -normal().abs()
        spread_B1 = torch.tensor(SPREADS).repeat(ROWS // len(SPREADS)).unsqueeze(1)
        return cls(
            lengths=lengths_B.tolist(),
            sampled=sampled_BT.tolist(),
            cut=[row % 7 == 3 for row in range(ROWS)],
            rewards=rewards_2B.tolist(),
            anchor=anchor_BT.tolist(),
            ref=(anchor_BT + 0.2 * normal()).tolist(),
            logp=(anchor_BT + spread_B1 * normal()).tolist(),
            entropy=normal().abs().tolist(),
        )

    @classmethod
    def read(cls, found: dict[str, Any]) -> "FixedPart":
        return cls(**found)


@dataclass(frozen=True, slots=True)
class Case:
    """One way to make a loss of the part."""

    settings: dict[str, Any]
    """Of TRL's configuration, beside those that the side sets to feed it the numbers."""
    trainer: str = "grpo"
    """grpo or rloo."""
    updates: int = 1
    """Of one generation; what is compared is each of them."""
    part: int = 0
    """Which of the parts."""


@dataclass(frozen=True, slots=True)
class Update:
    """What one optimizer step came to."""

    loss: float
    """The sum over its micro-batches."""
    logp_slope: list[list[float]]
    """[B, T] the gradient by the log-probabilities."""
    entropy_slope: list[list[float]]
    """[B, T] and by the entropies."""
    rows: list[int]
    """Those that it was made of."""


def write(path: Path, model: Path, parts: list[FixedPart], cases: list[Case]) -> None:
    """What the side with TRL is asked."""
    asked = {
        "model": str(model),
        "parts": [asdict(part) for part in parts],
        "cases": [asdict(case) for case in cases],
    }
    path.write_text(json.dumps(asked), encoding="utf-8")
