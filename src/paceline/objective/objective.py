"""The objective: what is maximised, as one frozen value.

Letters: B rows, T completion tokens, padded to the right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..lazy import torch
from ..types import Round
from .advantage import Advantage, is_by_token, reads_reference, reads_values
from .columns import sampled_tokens
from .correction import Band, Correction, Truncate
from .kl import KL, k3
from .parts import Described, capitalised, check_part, description_of, text_of
from .ratio import GeometricRatio, Ratio, SequenceRatio, TokenRatio, largest_ratio
from .records import Metrics, Scores, Tokens, kept
from .surrogate import (
    Clip,
    ClipDetached,
    Clipping,
    DualClip,
    SoftGate,
    Surrogate,
)
from .weight import PerConstant, PerToken, Weight

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Objective:
    """The function that is maximised. Every field changes the gradient; nothing else does.

    loss = −Σ weight · (surrogate(ratio(log π − anchor), A) · correction − coef · KL + entropy · H)

    over the tokens of the mask. Neither a mean nor a division: the loss adds up over micro-batches.
    KL that is weighted has each token's own ratio π/π_anchor, whatever `ratio` makes of it, and no
    correction.

    Example: Objective(advantage=Center(), surrogate=Clip(0.2, 0.28), weight=PerToken())

    Any function with the signature of a part may stand in its place. A frozen dataclass with
    `__call__` also prints as itself, compares equal and pickles, and so can be recorded.

    Raises ConfigError for mixtures that are mistakes.
    """

    advantage: Advantage
    """Round -> [B] or [B, T]."""
    ratio: Ratio = TokenRatio()  # noqa: RUF009  (these defaults are frozen, and safe to share)
    """(log_ratio_BT, mask_BT, advantage_BT) -> log_ratio_BT."""
    surrogate: Surrogate = Clip(0.2)  # noqa: RUF009
    """(log_ratio_BT, advantage_BT) -> gain_BT, elementwise."""
    weight: Weight = PerToken()  # noqa: RUF009
    """(mask_BT, group_B) -> each token's share of the loss."""
    kl: KL | None = None
    """The pull towards a reference, in the loss or in the reward."""
    entropy: float = 0.0
    """The weight of the entropy bonus; below 0 it is a penalty."""
    correction: Correction | None = None
    """(anchor − old, mask) -> detached factor, for engines that are not the trainer."""

    def __post_init__(self) -> None:
        for name, part in self._parts():
            check_part(name, part)
        if not isfinite(self.entropy):
            raise ConfigError(f"entropy must be a finite weight, not {self.entropy}.")
        self._refuse_mistakes()

    def __call__(self, scores: Scores, tokens: Tokens) -> tuple[Tensor, Metrics]:
        """The loss of these rows, and what was measured of them.

        The loss has a gradient with respect to the scores only. Raises ValueError where KL in the
        loss is asked for and the tokens have no reference.
        """
        loss = self.value(scores, tokens)
        with torch.no_grad():
            return loss, replace(self._measured(scores, tokens), loss=loss.item())

    def value(self, scores: Scores, tokens: Tokens) -> Tensor:
        """−Σ weight · gain of these rows; shares of a part's rows add up to the part's."""
        seen = self._seen(scores, tokens)
        mask_BT, logp_BT = seen.mask_BT, seen.logp_BT
        gain_BT = self.surrogate(seen.log_ratio_BT, seen.advantage_BT)
        if self.correction is not None:
            if tokens.old_BT is None:
                raise ValueError("A correction needs the engine: Tokens.old_BT is None.")
            difference_BT = seen.anchor_BT - kept(tokens.old_BT, mask_BT)
            gain_BT = gain_BT * self.correction(difference_BT, mask_BT).detach()
        if self.kl is not None and self.kl.where == "loss":
            other_BT = seen.anchor_BT if self.kl.to == "anchor" else seen.ref_BT
            if other_BT is None:
                raise ValueError("KL in the loss needs the reference: Tokens.ref_BT is None.")
            gain_BT = gain_BT - self.kl.coef * self.kl(logp_BT, other_BT, seen.anchor_BT)
        if self.entropy:
            gain_BT = gain_BT + self.entropy * kept(scores.entropy_BT, mask_BT)
        return -kept(kept(tokens.weight_BT, mask_BT) * gain_BT, mask_BT).sum()

    def clipped(self, scores: Scores, tokens: Tokens) -> Tensor | None:
        """[B, T] bool: the tokens whose gradient the ratio (from what moved) or the surrogate (from
        its ratio) bounds, none where the mask is False; None where neither has a bound."""
        return self._clipped(self._seen(scores, tokens))

    def _seen(self, scores: Scores, tokens: Tokens) -> _Seen:
        mask_BT = tokens.mask_BT.bool()
        logp_BT = kept(scores.logp_BT, mask_BT)
        # Without an anchor the scores are their own: every ratio is exactly 1.
        given_BT = tokens.anchor_BT
        anchor_BT = logp_BT.detach() if given_BT is None else kept(given_BT, mask_BT)
        ref_BT = None if tokens.ref_BT is None else kept(tokens.ref_BT, mask_BT)
        # Two passes over equal weights differ by their rounding, which is no distance.
        if ref_BT is not None and tokens.at_reference:
            ref_BT = logp_BT.detach()
        advantage_BT = kept(tokens.advantage_BT, mask_BT)
        moved_BT = logp_BT - anchor_BT
        log_ratio_BT = self.ratio(moved_BT, mask_BT, advantage_BT)
        return _Seen(
            mask_BT=mask_BT, logp_BT=logp_BT, anchor_BT=anchor_BT, ref_BT=ref_BT,
            advantage_BT=advantage_BT, moved_BT=moved_BT, log_ratio_BT=log_ratio_BT,
        )  # fmt: skip

    def _clipped(self, seen: _Seen) -> Tensor | None:
        bounded = [
            part.clipped(x_BT, seen.advantage_BT) & seen.mask_BT
            for part, x_BT in ((self.ratio, seen.moved_BT), (self.surrogate, seen.log_ratio_BT))
            if isinstance(part, Clipping)
        ]
        return torch.stack(bounded).any(0) if bounded else None

    def _measured(self, scores: Scores, tokens: Tokens) -> Metrics:
        seen = self._seen(scores, tokens)
        mask_BT, clipped_BT = seen.mask_BT, self._clipped(seen)
        difference_BT = kl_sum = None
        if tokens.old_BT is not None:
            difference_BT = (seen.anchor_BT - kept(tokens.old_BT, mask_BT)).abs()
        if seen.ref_BT is not None:
            kl_sum = k3(seen.logp_BT, seen.ref_BT).sum().item()
        return replace(
            Metrics.of(scores, mask_BT),
            kl_sum=kl_sum,
            ratio_max=largest_ratio(kept(seen.log_ratio_BT, mask_BT)),
            clipped=None if clipped_BT is None else int(clipped_BT.sum()),
            mismatch_sum=None if difference_BT is None else difference_BT.sum().item(),
            mismatch_max=None if difference_BT is None else _largest(difference_BT).item(),
        )

    def advantages(self, round: Round, dtype: torch.dtype | None = None) -> Tensor:
        """[B], or [B, T] for per-token credit: the round's advantages, computed in float64 and
        given in `dtype`, float32 if None.

        KL in the reward is taken from the returns here: the round needs its anchor and reference.
        Raises ValueError where those or the critic's values are missing, and where the result has
        another shape or is not finite.
        """
        advantage = self.advantage(self.penalised(round))
        rows = len(round.rollouts)
        if advantage.ndim not in (1, 2) or advantage.shape[0] != rows:
            raise ValueError(
                f"{text_of(self.advantage)} gave the shape {tuple(advantage.shape)} for {rows} "
                "rows; it must give one number a row, or one a token."
            )
        if not advantage.isfinite().all():
            raise ValueError(
                f"{text_of(self.advantage)} gave an advantage that is not a finite number; "
                "look for a reward or log-probability that is not."
            )
        return advantage.to(dtype or torch.float32)

    def penalised(self, round: Round) -> Round:
        """The round with coef · KL of each sampled token as its penalty; itself where no KL stands
        in the reward. Raises ValueError where it lacks its anchor or its reference."""
        if self.kl is None or self.kl.where != "reward":
            return round
        if round.anchor is None or round.ref is None:
            raise ValueError(
                "KL in the reward needs the round's log-probabilities under the policy and under "
                "the reference: fill Round.anchor and Round.ref first."
            )
        penalty = []
        for logp, ref, sampled_T in zip(
            round.anchor, round.ref, sampled_tokens(round), strict=True
        ):
            logp_BT = torch.as_tensor(logp, dtype=torch.float64)[None]
            ref_BT = torch.as_tensor(ref, dtype=torch.float64)[None]
            # A token that the model did not sample is not its doing, and costs it nothing.
            kl_BT = kept(self.kl(logp_BT, ref_BT), sampled_T[None, : len(logp)])
            penalty.append(tuple((self.kl.coef * kl_BT[0]).tolist()))
        return replace(round, penalty=tuple(penalty))

    def weights(self, mask_BT: Tensor, group_B: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """[B, T] each token's share, from the mask of the whole part over all processes, before a
        row is dropped. Rows of one group have equal numbers in group_B. `dtype` is float32 if None.
        """
        return self.weight(mask_BT, group_B).to(dtype or torch.float32)

    def resolved(self, max_tokens: int) -> Objective:
        """This objective with what was left open filled in: PerConstant(None) takes the longest
        completion that the run allows."""
        if self.weight == PerConstant(None):
            return replace(self, weight=PerConstant(max_tokens))
        return self

    @property
    def needs_reference(self) -> bool:
        """True if `Tokens.ref_BT` or `Round.ref` is read: by KL, unless it is measured to the
        anchor, or by the advantage."""
        to_reference = self.kl is not None and self.kl.to == "reference"
        return to_reference or reads_reference(self.advantage)

    @property
    def needs_anchor_for_advantages(self) -> bool:
        """True if the advantages read `Round.anchor` and `Round.ref`: KL in the reward, or an
        advantage of the reference."""
        in_reward = self.kl is not None and self.kl.where == "reward"
        return in_reward or reads_reference(self.advantage)

    @property
    def needs_values(self) -> bool:
        """True if the advantages read `Round.values`, and so a critic must give them."""
        return reads_values(self.advantage)

    @property
    def whole_groups(self) -> bool:
        """False: each row's loss is its own, however its group is split."""
        return False

    @property
    def tokenwise(self) -> bool:
        """True if each token's gain depends on that token's scores alone: known of our own parts,
        not of what a user derives from them."""
        return type(self.ratio) is TokenRatio and (
            self.correction is None or type(self.correction) in (Truncate, Band)
        )

    @property
    def reads_ratios_only(self) -> bool:
        """True if the scores enter the gain through their ratio to the anchor, and in no other
        way."""
        alone = self.kl is None or self.kl.where == "reward" or self.kl.to == "anchor"
        return alone and self.correction is None and not self.entropy

    @property
    def _kl_in_loss(self) -> bool:
        return self.kl is not None and self.kl.where == "loss"

    @property
    def drops_signalless(self) -> bool:
        """True if a row whose advantages are all exactly 0 has no gradient, and may be dropped.

        Not with a critic, which learns from every row; not with KL in the loss or an entropy term;
        nor where the surrogate gains something without an advantage, as plain log-likelihood does,
        which is tried on a few ratios.
        """
        if self.entropy or self._kl_in_loss or self.needs_values:
            return False
        tried = torch.tensor([[-0.5, 0.0, 0.5]])
        return not self.surrogate(tried, torch.zeros_like(tried)).any()

    @property
    def of_scores(self) -> bool:
        """False: log-probabilities are read."""
        return False

    def __repr__(self) -> str:
        """Its own expression: evaluates to an equal value where all parts are values."""
        written = (f"{f.name}={text_of(getattr(self, f.name))}" for f in fields(self))
        return f"Objective({', '.join(written)})"

    def describe(self) -> str:
        """All parts in one sentence, for those who do not read formulas.

        Example: "Each reward counts by its distance from its group’s mean; one ratio for each
        token; clipped to 0.8–1.2; all completions weigh the same; no KL penalty."
        """
        parts = (self.advantage, self.ratio, self.surrogate, self.weight)
        said = [description_of(part) for part in parts]
        kl = self.kl
        said.append("no KL penalty" if kl is None else f"KL penalty {description_of(kl)}")
        if self.entropy:
            kind = "bonus" if self.entropy > 0 else "penalty"
            said.append(f"entropy {kind} {abs(self.entropy):g}")
        if self.correction is not None:
            said.append(f"corrected for the sampler {description_of(self.correction)}")
        if isinstance(self.advantage, Described):  # a name of a user's own stays as it is
            said[0] = capitalised(said[0])
        return f"{'; '.join(said)}."

    def _parts(self) -> Iterator[tuple[str, object]]:
        yield "advantage", self.advantage
        yield "ratio", self.ratio
        yield "surrogate", self.surrogate
        yield "weight", self.weight
        for name, part in (("kl", self.kl), ("correction", self.correction)):
            if part is not None:
                yield name, part

    def _refuse_mistakes(self) -> None:
        shared = isinstance(self.ratio, SequenceRatio | GeometricRatio)
        if shared and is_by_token(self.advantage):
            raise ConfigError(
                f"{text_of(self.ratio)} gives a row one ratio and needs one advantage a row, but "
                f"{text_of(self.advantage)} gives one a token; use TokenRatio()."
            )
        bounded = Clip | DualClip | ClipDetached | SoftGate
        if isinstance(self.ratio, GeometricRatio) and isinstance(self.surrogate, bounded):
            raise ConfigError(
                f"{text_of(self.ratio)} has bounded the ratio already, so that "
                f"{text_of(self.surrogate)} would bound it twice; use Plain()."
            )


@dataclass(frozen=True, slots=True)
class _Seen:
    """The numbers that an objective reads of some rows; exactly 0 where the mask is False, but for
    log_ratio_BT, which is the ratio's own."""

    mask_BT: Tensor
    logp_BT: Tensor
    anchor_BT: Tensor
    ref_BT: Tensor | None
    """None without a reference."""
    advantage_BT: Tensor
    moved_BT: Tensor
    """logp − anchor."""
    log_ratio_BT: Tensor
    """The log-ratio that the ratio makes of `moved_BT`."""


def _largest(x_BT: Tensor) -> Tensor:
    return x_BT.max() if x_BT.numel() else x_BT.new_zeros(())
