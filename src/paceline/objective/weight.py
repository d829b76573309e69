"""Each token's share of the loss: aggregation as a weight, not as a reduction.

Letters: B rows, T completion tokens, G groups. m is the mask, N = Σm, T_i the row's tokens.

A weight is computed once for a whole part, over the rows of all processes and before any row is
dropped or any micro-batch is cut. B counts every row of the part, those without a token in the
mask included. The loss is then a plain sum, which adds up over micro-batches and processes whatever
their sizes. All weights are computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import ConfigError
from ..lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


class Weight(Protocol):
    """A function that gives the weights: (mask_BT, group_B) -> weight_BT; group_B holds one number
    a row, equal within a group."""

    def __call__(self, mask_BT: Tensor, group_B: Tensor, /) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class PerToken:
    """m / N: all tokens of the part alike. The token mean; DAPO and CISPO as mostly built."""

    def describe(self) -> str:
        return "all tokens weigh the same"

    def __call__(self, mask_BT: Tensor, group_B: Tensor) -> Tensor:
        m_BT = mask_BT.double()
        return m_BT / m_BT.sum().clamp(min=1)


@dataclass(frozen=True, slots=True)
class PerPromptToken:
    """m / (N_g · G): the tokens of one problem alike, then the problems alike.

    DAPO (arXiv 2503.14476) eq. 8 and CISPO (arXiv 2506.13585) eq. 4 as printed: the sum over one
    prompt's tokens stands inside the expectation over prompts. G counts the groups of the part,
    those without a token in the mask included.
    """

    def describe(self) -> str:
        return "all tokens of a problem weigh the same, and so do all problems"

    def __call__(self, mask_BT: Tensor, group_B: Tensor) -> Tensor:
        m_BT = mask_BT.double()
        names_G, place_B = torch.unique(group_B, return_inverse=True)
        tokens_G = m_BT.new_zeros(len(names_G)).index_add_(0, place_B, m_BT.sum(-1))
        tokens_B = tokens_G.clamp(min=1)[place_B]
        return m_BT / (tokens_B.unsqueeze(-1) * max(len(names_G), 1))


@dataclass(frozen=True, slots=True)
class PerSequence:
    """m / (T_i · B): the mean over each row's tokens, then over the rows.

    GRPO (DeepSeekMath, arXiv 2402.03300, eq. 3), GSPO, SAPO, GMPO.
    """

    def describe(self) -> str:
        return "all completions weigh the same"

    def __call__(self, mask_BT: Tensor, group_B: Tensor) -> Tensor:
        m_BT = mask_BT.double()
        return m_BT / (m_BT.sum(-1, keepdim=True).clamp(min=1) * _rows(mask_BT))


@dataclass(frozen=True, slots=True)
class PerConstant:
    """m / (L · B) with a constant L (Dr.GRPO, arXiv 2503.20783).

    L is usually the longest completion that the run allows, and never the width of a padded batch,
    which changes from part to part. `None` leaves it open: `Objective.resolved` fills it in.
    """

    length: int | None = None

    def __post_init__(self) -> None:
        if self.length is not None and self.length < 1:
            raise ConfigError(f"PerConstant needs a length of at least 1, not {self.length}.")

    def describe(self) -> str:
        return "all tokens weigh the same, over a constant length"

    def __call__(self, mask_BT: Tensor, group_B: Tensor) -> Tensor:
        if self.length is None:
            raise ConfigError(
                "PerConstant has no length yet; give one, or call "
                "Objective.resolved(max_tokens) with the longest completion of the run."
            )
        return mask_BT.double() / (self.length * _rows(mask_BT))


@dataclass(frozen=True, slots=True)
class SequenceSum:
    """m / B: the sum over each row's tokens, then the mean over the rows.

    REINFORCE, RLOO, OPO; with SequenceRatio, LUSPO.
    """

    def describe(self) -> str:
        return "each completion counts by the sum of its tokens"

    def __call__(self, mask_BT: Tensor, group_B: Tensor) -> Tensor:
        return mask_BT.double() / _rows(mask_BT)


def _rows(mask_BT: Tensor) -> int:
    """B, or 1 for an empty part, whose weights are empty too."""
    return max(mask_BT.shape[0], 1)
