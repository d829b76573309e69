"""The trainer: one training step, the same for every algorithm, engine and task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from ..batch import Batch
from ..engine import Engine
from ..errors import ConfigError, UnfitCheckpointError
from ..model import Policy, Reference, WholeReference
from ..objective import Criterion, Loss, Metrics, ValueMetrics
from ..settings import ScheduleConfig
from ..types import Round
from .clock import Clock
from .critic import CriticHalf, CriticStep
from .hooks import TrainerHooks
from .learner import Learner, StateDict, matching_tensors
from .line_search import LineSearch, SearchedStep
from .optimizer import OptimizerStep
from .parts import Parts, with_logprobs
from .retry import Shrinks, retry_smaller
from .source import RoundSource, SampledRound

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StepReport:
    """The outcome of one training step."""

    step: int
    """Optimizer steps so far, this one included."""
    sampled: SampledRound
    """The round that the step trained on."""
    part: int
    """The place of the part in its round, counted from 0."""
    metrics: Metrics
    rows: int
    """Number of rows in the part."""
    rows_trained: int
    """Number of rows in the part that carried signal."""
    update: OptimizerStep
    seconds: dict[str, float]
    """Seconds by phase."""
    critic: CriticStep | None = None
    """The outcome for the critic; None without one."""
    searched: SearchedStep | None = None
    """The outcome of the line search; None where none was made."""


class Trainer:
    """Trains a policy, one optimizer step at a time.

    Args:
        learner: the policy with its optimizer.
        source: gives the rounds.
        loss: the loss that is minimised, such as an `Objective`; one that the learner's model
            computes.
        schedule: how many optimizer steps a round serves.
        engine: gets the weights after every change; None if nothing is sampled.
        reference: the model that KL is measured to, if the loss asks for it.
        critic: the model that forecasts rewards, if the loss asks for it.
        seed: decides the order in which a round's groups form its parts.
        hooks: called around the steps.

    Attributes:
        steps, rounds: optimizer steps taken and rounds taken up.
        part: the next part of the round; the number of parts if the round is used up.
        sampled: the current round.
        whole: False while weights and counters are being changed: must not be saved then.

    Raises: ConfigError for a loss that needs what this trainer does not have.
    """

    def __init__(
        self,
        learner: Learner,
        source: RoundSource,
        loss: Criterion,
        schedule: ScheduleConfig,
        *,
        engine: Engine | None = None,
        reference: Reference | None = None,
        critic: CriticHalf | None = None,
        seed: int = 0,
        hooks: TrainerHooks | None = None,
    ) -> None:
        if loss.needs_values and critic is None:
            raise ConfigError(
                f"{loss} asks for a critic's values, so the trainer needs a critic; give it one, "
                "such as critic=make_critic(CriticConfig(), OptimizerConfig(), learner), or take "
                "an advantage that compares completions, such as ZScore()."
            )
        if loss.needs_reference and reference is None:
            raise ConfigError(
                "The objective has a KL term, so the trainer needs a reference; give it one, such "
                "as reference=make_reference(policy), or take an objective with kl=None."
            )
        self.learner, self.source, self.engine, self.reference = learner, source, engine, reference
        self.critic = critic
        self.loss = loss.resolved(source.max_tokens)
        self.trust = learner.optimizer.settings.trust
        self.parts = Parts(schedule, seed, searched=self.trust is not None)
        self.hooks = hooks or TrainerHooks()
        self.steps, self.rounds, self.part = 0, 0, schedule.parts
        self.sampled: SampledRound | None = None
        self.at_reference = False
        """Whether the policy still is, weight for weight, the reference that scored the round."""
        self.whole, self.clock = True, Clock()

    def step(self) -> StepReport:
        """Take one optimizer step; a new round is taken up when the last one is used up."""
        clock = self.clock = Clock()
        sampled = self.take_up_round()
        batch = self._batch(sampled.round)
        with clock("update"), self.hooks.interruptible():
            metrics, values = self._retry_smaller(self.learner, lambda: self._gradient(batch))
        with clock("keep"):
            self.hooks.before_change()
        self.whole = False
        with clock("optimize"):
            self.steps += 1
            search = self._line_search(batch, metrics)
            update, critic = self._optim_step(values)  # an empty part too: moments decay
            searched = self._follow(None if update.skipped else search)
        self.part += 1
        self.whole = True
        return StepReport(
            self.steps, sampled, self.part - 1, metrics,
            batch.part_rows, len(batch.rows), update, clock.seconds, critic, searched,
        )  # fmt: skip

    def _batch(self, round: Round) -> Batch:
        """The rows of the next part, with what a critic learns of them."""
        batch = self.parts.batch(round, self.part, self.loss, at_reference=self.at_reference)
        return batch if self.critic is None else self.critic.with_targets(batch, round, self.loss)

    def _gradient(self, batch: Batch) -> tuple[Metrics, ValueMetrics]:
        """Sum the gradient of a part: the policy's, and the critic's if there is one."""
        tick = self.clock.tick
        if self.critic is None:
            measured = self.learner.forward_backward(batch, self.loss, tick)
            return measured, ValueMetrics.zero()
        return self.critic.forward_backward(batch, self.loss, tick, alone=self.warming_up)

    def _optim_step(self, values: ValueMetrics) -> tuple[OptimizerStep, CriticStep | None]:
        """Step on the gradient: the policy's, and the critic's if there is one."""
        if self.critic is None:
            return self.learner.optim_step(self.steps), None
        # The policy's rate begins its course where the policy begins to learn.
        number = self.steps - self.critic.settings.warmup * self.parts.count
        update, norm = self.critic.optim_step(number, alone=self.warming_up)
        return update, CriticStep(values, norm)

    def _line_search(self, batch: Batch, measured: Metrics) -> LineSearch | None:
        """The search that will shorten the step, if the config asks for one and there are tokens to
        measure it on."""
        if self.trust is None or self.warming_up or not batch.tokens.mask_BT.any():
            return None
        loss = cast(Loss, self.loss)  # of samples: nothing else has an anchor
        return LineSearch(self.learner, batch, loss, measured.loss, self.trust)

    def _follow(self, search: LineSearch | None) -> SearchedStep | None:
        """Shorten the step if a search says so, and let everything that depends on the policy's
        weights follow them."""
        if self.warming_up:
            return None
        searched = None
        if search is not None:
            searched = self._retry_smaller(self.learner, lambda: search.run(self.clock.tick))
        if self.at_reference:  # before it follows: it is still the one that scored the round
            self.at_reference = self.is_reference()
        if self.reference is not None:
            self.reference.follow(self.policy, self.steps)
        if self.engine is not None:
            self.engine.load(self.policy)
        return searched

    def take_up_round(self) -> SampledRound:
        """Take up the round that the next step trains on: a new one when the last one is used
        up."""
        if self.sampled is None or self.used_up:
            self.sampled = self._next_round(self.clock)
            self.rounds, self.part = self.rounds + 1, 0
        return self.sampled

    def _next_round(self, clock: Clock) -> SampledRound:
        """Get a round, score it with the columns that the loss will ask for, and have it kept."""
        begin = self.source.state_dict()
        try:
            with self.hooks.interruptible():
                sampled = self._retry_smaller(self.source, lambda: self._from_source(begin, clock))
                with clock("score"):
                    own = self.is_reference()  # nothing changes a weight before the first update
                    round = self._retry_smaller(
                        self.learner, lambda: self._scored(sampled.round, own)
                    )
                with clock("keep"):
                    self.hooks.keep_round(round)
        except BaseException:
            self.source.load_state_dict(begin)  # what was broken off is drawn again
            raise
        self.at_reference = own
        return replace(sampled, round=round)

    def _from_source(self, begin: StateDict, clock: Clock) -> SampledRound:
        self.source.load_state_dict(begin)  # a try that ran out of memory had moved on
        return self.source.next_round(self.rounds, clock)

    def _scored(self, round: Round, own: bool) -> Round:
        if self.critic is not None:  # first: which rows need an anchor hangs on their advantages
            round = self.critic.with_values(round)
        return with_logprobs(
            round, self.loss, self.learner, self.parts, self.reference, at_reference=own
        )

    def _retry_smaller(self, what: Shrinks, work: Callable[[], T]) -> T:
        """Do some work; if memory runs out, do it again with less of it at a time."""
        return retry_smaller(work, what, self.hooks.out_of_memory)

    def is_reference(self) -> bool:
        """True if the policy is the reference, weight for weight: all weights are compared."""
        return self.reference is not None and self.reference.equals(self.policy)

    @property
    def warming_up(self) -> bool:
        """True during the first rounds, if only the critic learns in them."""
        return self.critic is not None and self.rounds <= self.critic.settings.warmup

    @property
    def policy(self) -> Policy:
        """The policy that is being trained."""
        return self.learner.policy

    @property
    def used_up(self) -> bool:
        """True if every part of the current round has been trained on."""
        return self.part == self.parts.count

    def state_dict(self) -> StateDict:
        """Everything that training needs to continue bit for bit, by name: tensors and plain JSON.

        Two things are not in it: the current round, which is on disk before its first update, and
        the weights of `fixed`. The tensors are the ones that training continues to use, not copies.
        Call it only while the trainer is `whole`.
        """
        state = {
            **self.learner.state_dict(),
            **(self.critic.state_dict() if self.critic is not None else {}),
            **self.source.state_dict(),
            **(self.engine.state_dict() if self.engine is not None else {}),
            "step": self.steps,
            "rounds": self.rounds,
            "part": self.part,
            "drawn": None,
        }
        if self.sampled is not None and not self.used_up:
            state["drawn"] = {**self.sampled.counts(), "at_reference": self.at_reference}
        if self.reference is not None and self.reference.follows:
            state["reference"] = self.reference.exact_parameters()
        return state

    def load_state_dict(self, state: Mapping[str, Any], round: Round | None) -> None:
        """Continue from the state that `state_dict` returned.

        Args:
            round: the current round, with its log-probabilities; None if it was used up, or if the
                source gives it again.

        Raises: UnfitCheckpointError if it does not fit this trainer.
        """
        of_engine = self.engine.state_dict() if self.engine is not None else {}
        for name in self.state_dict():
            if name not in state and name not in of_engine:  # the engine knows what it needs
                raise UnfitCheckpointError(f"it lacks '{name}'")
        if not 0 <= state["part"] <= self.parts.count:
            raise UnfitCheckpointError(
                f"it is at part {state['part']} of a round, which has only {self.parts.count}"
            )
        self.learner.load_state_dict(state)
        if self.critic is not None:
            self.critic.load_state_dict(state)
        if self.reference is not None and self.reference.follows:
            self.reference.restore(
                matching_tensors("reference", state, self.reference.exact_parameters())
            )
        self.source.load_state_dict(state)
        self.steps, self.rounds, self.part = state["step"], state["rounds"], state["part"]
        self.sampled, self.at_reference = None, False
        if round is None and not self.used_up:
            # Its number alone decides it, and no update has used it yet: it is taken up again.
            self.rounds, self.part = self.rounds - 1, self.parts.count
        if round is not None:
            self.sampled = SampledRound.of(round, state["drawn"])
            # Older checkpoints did not know it.
            self.at_reference = state["drawn"].get("at_reference", False)
        if self.engine is not None:
            self.engine.load_state_dict(state)
            self.engine.load(self.policy)

    def fixed(self) -> Mapping[str, Any]:
        """Weights that training reads and never changes, by name, such as those under adapters and
        those of a fixed reference: a resume must find them unchanged."""
        if self.policy.adapted:
            critic = {} if self.critic is None else self.critic.frozen()
            # A reference's own adapter is drawn or read anew.
            other = self.reference
            reference = other.exact_parameters() if isinstance(other, WholeReference) else {}
            return {
                **self.policy.frozen(),
                **{f"critic.{name}": x for name, x in critic.items()},
                **{f"reference.{name}": x for name, x in reference.items()},
            }
        if self.reference is None or self.reference.follows:
            return {}
        return self.reference.exact_parameters()
