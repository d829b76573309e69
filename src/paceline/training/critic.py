"""The critic's half of a training step: its forecasts of a round, the numbers that it learns of a
part, its gradient and its step.

A critic has a body of its own, or a head over the policy's states, whose gradient then comes from
the policy's own backward passes. Either steps where the policy steps, and nowhere else.

Legend: B rows, T completion tokens, M completion tokens of all rows, one row after the other; D
hidden size.
"""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..batch import Batch, Micro
from ..layout import TokenRows, pad
from ..model import Critic, Policy, SharedHead, critic_of
from ..model.trainable import spread
from ..objective import (
    Criterion,
    Metrics,
    Targets,
    ValueLoss,
    ValueMetrics,
    discount_of,
    value_targets,
)
from ..settings import CriticConfig, OptimizerConfig
from ..types import Round
from .learner import Learner, StateDict, matching_tensors
from .optimizer import Optimizer, OptimizerStep

BODY_FACTOR, HEAD_FACTOR = 2.0, 20.0
"""Learning rates of a critic's body and of its head, in multiples of the policy's, where the config
names none."""


@dataclass(frozen=True, slots=True)
class CriticStep:
    """The outcome of a training step for the critic."""

    measured: ValueMetrics
    """Sums over the part: V, as the critic forecast it at the start of the round, beside R."""
    grad_norm: float
    """Norm of the gradient of the critic's own parameters, before clipping."""


class CriticHalf(ABC):
    """A critic with its optimizer, beside a policy with its own.

    Args:
        model: the critic.
        learner: the policy, whose packs, temperature and scale of losses it takes over.

    Attributes:
        loss: the loss that the critic minimises; its weights are those of the policy's loss.
    """

    def __init__(
        self,
        model: Critic | SharedHead,
        optimizer: Optimizer,
        learner: Learner[Policy],
        settings: CriticConfig,
    ) -> None:
        self.model, self.optimizer = model, optimizer
        self.learner, self.settings = learner, settings
        self.loss = ValueLoss(settings.clip)

    @abstractmethod
    def score(self, rows: TokenRows) -> Tensor:
        """[M] the forecast before every completion token, without gradient."""

    @abstractmethod
    def _summed(
        self, batch: Batch, loss: Criterion, tick: Callable[[], None], alone: bool
    ) -> tuple[Metrics, ValueMetrics]:
        """Sum the gradients of both; with `alone`, that of the critic's own parameters."""

    def with_values(self, round: Round) -> Round:
        """The round with the critic's forecasts as they are now, at its start."""
        rows = TokenRows.of(round)
        columns: list[array] = [array("f")] * len(rows)
        for pack in rows.packs(self.learner.tokens_per_forward, self.model.layout):
            taken = rows.take(pack)
            of_rows = self.score(taken).cpu().split([len(c) for c in taken.completions])
            for i, value_T in zip(pack, of_rows, strict=True):
                columns[i] = array("f", value_T.tolist())
        return replace(round, values=tuple(columns))

    def with_targets(self, batch: Batch, round: Round, loss: Criterion) -> Batch:
        """The rows of a part with what the critic learns of them: V and R of the round, in which KL
        in the reward is a part of what is forecast."""
        assert round.values is not None
        index, width = list(batch.index), batch.tokens.mask_BT.shape[1]
        target_BT = value_targets(loss.penalised(round), discount_of(loss), self.settings.lam)
        value_BT = pad([round.values[i] for i in index], width, torch.float32)
        return replace(batch, targets=Targets(value_BT, target_BT[index][:, :width].float()))

    def forward_backward(
        self,
        batch: Batch,
        loss: Criterion,
        tick: Callable[[], None] = lambda: None,
        *,
        alone: bool = False,
    ) -> tuple[Metrics, ValueMetrics]:
        """Sum the gradients of policy and critic over a batch with targets.

        If it is interrupted, nothing of either is left.

        Args:
            loss: the policy's.
            tick: called after each pack: a sign of life.
            alone: True leaves the policy out, as during the critic's warm-up.
        """
        try:
            return self._summed(batch, loss, tick, alone)
        except BaseException:
            self.learner.clear()
            self.optimizer.clear()
            raise

    def optim_step(self, number: int, *, alone: bool = False) -> tuple[OptimizerStep, float]:
        """Take the optimizer step of both, or of neither where one of the gradients is not finite.

        Args:
            number: number of the policy's step, from 1.
            alone: True leaves the policy as it is, its moments and its version too.

        Returns: the policy's step, and the norm of the critic's gradient.
        """
        both = (self.optimizer,) if alone else (self.learner.optimizer, self.optimizer)
        # All of them are asked before any of them steps: a step may change the scale of both.
        finite = [one.gradient_is_finite() for one in both]
        hold = not all(finite)
        update = OptimizerStep(0.0, 0.0, hold)
        if not alone:
            update = self.learner.optim_step(number, hold=hold)
        return update, self.optimizer.step(max(1, number), hold=hold).grad_norm

    def frozen(self) -> Mapping[str, Tensor]:
        """Weights under adapters of the critic's own that are not the policy's as well."""
        known = {x.data_ptr() for x in self.learner.policy.frozen().values()}
        return {n: x for n, x in self.model.frozen().items() if x.data_ptr() not in known}

    def state_dict(self) -> StateDict:
        """Weights at full precision, moments, and the numbers that belong to them, under names of
        their own. The tensors are the ones that training continues to use, not copies."""
        scale = self.optimizer.loss_scale
        numbers = {} if scale is None else scale.state_dict()
        return {
            "critic": dict(self.model.exact_parameters()),
            "critic_optimizer": self.optimizer.moments(),
            "critic_version": self.model.version,
            **{f"critic_{name}": number for name, number in numbers.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned, in place.

        Raises: UnfitCheckpointError, before anything of the critic is changed, if a tensor is
            missing or has another shape.
        """
        weights = matching_tensors("critic", state, self.model.exact_parameters())
        moments = matching_tensors("critic_optimizer", state, self.optimizer.moments())
        self.model.restore(weights)
        self.optimizer.restore(moments)
        self.model.version = state["critic_version"]
        scale = self.optimizer.loss_scale
        if scale is not None:
            scale.load_state_dict({name: state[f"critic_{name}"] for name in scale.state_dict()})


class OwnCritic(CriticHalf):
    """A critic with a body of its own, in passes of its own."""

    def __init__(
        self,
        model: Critic,
        optimizer: Optimizer,
        learner: Learner[Policy],
        settings: CriticConfig,
    ) -> None:
        super().__init__(model, optimizer, learner, settings)
        self.own = Learner(model, optimizer, zero=ValueMetrics.zero())

    def score(self, rows: TokenRows) -> Tensor:
        return self.own.policy.score_values(rows)

    def _summed(
        self, batch: Batch, loss: Criterion, tick: Callable[[], None], alone: bool
    ) -> tuple[Metrics, ValueMetrics]:
        metrics = Metrics.zero() if alone else self.learner.forward_backward(batch, loss, tick)
        # One limit for both: what memory has made smaller for one holds for the other.
        self.own.tokens_per_forward = self.learner.tokens_per_forward
        return metrics, self.own.forward_backward(batch, self.loss, tick)


class SharedCritic(CriticHalf):
    """A critic that is a head over the policy's states. It is the loss beside the policy's: its
    gradient is summed in the same backward passes, and reaches the body times `critic.coef`.

    Attributes:
        measured: sums over the rows of the gradient that is being summed.
    """

    def __init__(
        self,
        model: SharedHead,
        optimizer: Optimizer,
        learner: Learner[Policy],
        settings: CriticConfig,
    ) -> None:
        super().__init__(model, optimizer, learner, settings)
        self.head, self.measured = model, ValueMetrics.zero()

    @torch.no_grad()
    def score(self, rows: TokenRows) -> Tensor:
        return self.head(self.learner.policy.states(rows))

    def begins(self) -> None:
        """Forget the head's gradient and what was measured."""
        self.optimizer.clear()
        self.measured = ValueMetrics.zero()

    def __call__(self, states_MD: Tensor, micro: Micro) -> Tensor:
        """The critic's share of these rows in the common loss."""
        assert micro.targets is not None
        # Without a factor nothing may reach the body; the head's own steps know no scale.
        coef = self.settings.coef
        value_BT = spread(self.head(states_MD if coef else states_MD.detach()), micro.rows)
        share, measured = self.loss(value_BT, micro.tokens, micro.targets)
        self.measured += measured
        return share * (coef or 1.0)

    def _summed(
        self, batch: Batch, loss: Criterion, tick: Callable[[], None], alone: bool
    ) -> tuple[Metrics, ValueMetrics]:
        if not alone:
            return self.learner.forward_backward(batch, loss, tick, self), self.measured
        self.begins()
        policy = self.learner.policy
        for micro in batch.micro(self.learner.tokens_per_forward, policy.layout, policy.device):
            with torch.no_grad():
                states_MD = policy.states(micro.rows)
            (self(states_MD, micro) * self.optimizer.scale).backward()
            tick()
        return Metrics.zero(), self.measured


def make_critic(
    settings: CriticConfig,
    optimizer: OptimizerConfig,
    learner: Learner[Policy],
    model: Critic | None = None,
) -> CriticHalf:
    """The critic that a config asks for, at its first step.

    Args:
        settings, optimizer: the sections `critic` and `optimizer`.
        model: the model of an own body; None copies the policy as it is now.

    Raises: ConfigError for a family of models that has no critic, or for layers that there are not.
    """
    rates = rates_of(settings, optimizer)
    if settings.body == "shared":
        head = SharedHead(learner.policy)
        # Its rate is constant: of how many steps it is one does not matter.
        of_head = Optimizer(head, rates, 1, beside=learner.optimizer)
        return SharedCritic(head, of_head, learner, settings)
    own = critic_of(learner.policy, settings.layers) if model is None else model
    return OwnCritic(own, Optimizer(own, rates, 1), learner, settings)


def rates_of(settings: CriticConfig, optimizer: OptimizerConfig) -> OptimizerConfig:
    """The optimizer's settings with the critic's own rates, which are constant."""
    body, head = settings.lr, settings.head_lr
    return replace(
        optimizer,
        lr=BODY_FACTOR * optimizer.lr if body is None else body,
        head_lr=HEAD_FACTOR * optimizer.lr if head is None else head,
        warmup=0,
        decay="constant",
    )
