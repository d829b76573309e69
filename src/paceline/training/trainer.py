"""The training step. Every algorithm, engine and task runs through this one."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from ..batch import Batch, parts_of
from ..engine import Engine
from ..errors import ConfigError
from ..layout import TokenRows
from ..model import Policy, Reference
from ..objective import Metrics, Objective, Scores
from ..settings import Schedule
from ..types import Round
from .clock import Clock
from .keeper import Keeper
from .memory import with_less
from .optimizer import Optimizer, Stepped
from .sample import Drawn, Sampler

Floats = tuple[array, ...]
SMALLEST_PACK = 64
"""Tokens; with less, packs would be single rows anyway."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one step did."""

    step: int
    """Optimizer steps so far, this one included."""
    drawn: Drawn
    """The round that it trained on."""
    part: int
    """Which part of it, counted from 0."""
    metrics: Metrics
    rows: int
    """Rows of the part."""
    rows_trained: int
    """Those that carried signal."""
    stepped: Stepped
    seconds: dict[str, float]
    """By phase."""


class Trainer:
    """Trains a policy, one optimizer step at a time.

    Attributes:
        steps, rounds: optimizer steps taken and rounds sampled.
        part: the part of the round that is next; the number of parts where the round is used up.
        drawn: the round in use.
        whole: False while weights and counters are being changed: not to be saved then.
    """

    def __init__(
        self,
        policy: Policy,
        engine: Engine,
        sampler: Sampler,
        objective: Objective,
        optimizer: Optimizer,
        schedule: Schedule,
        *,
        reference: Reference | None = None,
        seed: int = 0,
        tokens_per_forward: int = 4096,
        keeper: Keeper | None = None,
    ) -> None:
        check_objective(objective)
        if objective.needs_reference and reference is None:
            raise ConfigError("The objective has a KL term, so the trainer needs a reference.")
        self.policy, self.engine, self.sampler, self.reference = policy, engine, sampler, reference
        self.objective = objective.resolved(sampler.settings.max_tokens)
        self.optimizer, self.schedule, self.seed = optimizer, schedule, seed
        self.tokens_per_forward, self.keeper = tokens_per_forward, keeper or Keeper()
        self.temperature = sampler.settings.temperature
        self.steps, self.rounds, self.part = 0, 0, schedule.parts
        self.drawn: Drawn | None = None
        self.whole, self.clock = True, Clock()

    def step(self) -> Report:
        """One optimizer step; a new round when the last one is used up."""
        clock = self.clock = Clock()
        drawn = self.take_up_round()
        batch = self.batch(drawn.round)
        metrics = self.gradient(batch)
        with clock("keep"):
            self.keeper.before_change()
        self.whole = False
        with clock("optimize"):
            self.steps += 1
            stepped = self.optimizer.step(self.steps)  # an empty part too: moments decay
            if drawn.at_reference:  # before it follows: it is still the one that scored the round
                self.drawn = replace(drawn, at_reference=self.is_reference())
            if self.reference is not None:
                self.reference.follow(self.policy, self.steps)
            self.engine.load(self.policy)
        self.part += 1
        self.whole = True
        return Report(
            self.steps, drawn, self.part - 1, metrics,
            batch.part_rows, len(batch.rows), stepped, clock.seconds,
        )  # fmt: skip

    def take_up_round(self) -> Drawn:
        """The round that the next step trains on: a new one when the last one is used up."""
        if self.drawn is None or self.part == self.schedule.parts:
            self.drawn = self._next_round(self.clock)
            self.rounds, self.part = self.rounds + 1, 0
        return self.drawn

    def batch(self, round: Round) -> Batch:
        """The rows of a scored round that the next step trains on: weigh all, then drop."""
        groups = parts_of(round, self.seed, self.part, self.schedule.minibatches)
        return Batch.of(
            round,
            groups,
            self.objective,
            anchored=self.schedule.parts > 1,
            at_reference=self.drawn is not None and self.drawn.at_reference,
        )

    def gradient(self, batch: Batch) -> Metrics:
        """Sum a part's gradient, in as little memory as it must."""
        with self.clock("update"), self.keeper.abandonable():
            return with_less(partial(self._gradient, batch), self._halve_packs)

    def _gradient(self, batch: Batch) -> Metrics:
        """Sum a part's gradient; where that is broken off, nothing of it is left."""
        metrics, limit = Metrics.zero(), self.tokens_per_forward
        try:
            for micro in batch.micro(limit, self.policy.layout, self.policy.device):
                loss, measured = self.policy.loss(self.objective, micro, self.temperature)
                loss.backward()
                metrics += measured
                self.clock.tick()
        except BaseException:
            self.optimizer.clear()
            raise
        return metrics

    def _next_round(self, clock: Clock) -> Drawn:
        """Sample a round, score it with what the objective will ask for, and have it kept."""
        draw = self.sampler.draw
        try:
            with self.keeper.abandonable():
                drawn = with_less(partial(self._sampled, draw, clock), self.fewer_rows)
                with clock("score"):
                    own = self.is_reference()  # nothing changes a weight before the first update
                    round = with_less(partial(self.scored, drawn.round, own), self._halve_packs)
                with clock("keep"):
                    self.keeper.keep(round)
        except BaseException:
            self.sampler.draw = draw  # what was broken off is drawn again
            raise
        return replace(drawn, round=round, at_reference=own)

    def _sampled(self, draw: int, clock: Clock) -> Drawn:
        """The next round, from this place in the stream of problems."""
        self.sampler.draw = draw
        return self.sampler.sample(self.rounds, clock)

    def scored(self, round: Round, at_reference: bool) -> Round:
        """The round with the log-probabilities that the objective will ask for.

        Args:
            at_reference: whether the policy is the reference, weight for weight.
        """
        rows = TokenRows.of(round)
        # With one part the anchor is the policy's own log-probability in the update: free.
        anchor = ref = None
        if self.schedule.parts > 1 or self.objective.needs_anchor_for_advantages:
            anchor = self._score(rows, self.policy.score, self._packs_of_updates(round))
        if self.objective.needs_reference and self.reference is not None:
            # Of one policy there is one log-probability: the rounding of two passes is no KL.
            own = anchor is not None and at_reference
            ref = anchor if own else self._score(rows, self.reference.score)
        return replace(round, anchor=anchor, ref=ref)

    def is_reference(self) -> bool:
        """Whether the policy is the reference, weight for weight: all weights are compared."""
        return self.reference is not None and self.reference.equals(self.policy)

    def _halve_packs(self) -> bool:
        """Use less memory in updates; False where a pack is as small as it can be."""
        if self.tokens_per_forward <= SMALLEST_PACK:
            return False
        self.tokens_per_forward = max(SMALLEST_PACK, self.tokens_per_forward // 2)
        self.keeper.out_of_memory(f"tokens_per_forward is {self.tokens_per_forward} now")
        return True

    def fewer_rows(self) -> bool:
        """Use less memory in sampling; False where it cannot."""
        if not self.engine.shrink():
            return False
        self.keeper.out_of_memory("half as many completions are sampled at once now")
        return True

    def _packs_of_updates(self, round: Round) -> list[list[int]]:
        """Rows as the first epoch will pack them; those that it will drop need no anchor.

        In bf16 a row's log-probabilities depend a little on the shape of its batch. Scored in the
        same packs, the first part's ratios are exactly 1, as they should be before any update.
        """
        if self.objective.needs_anchor_for_advantages:  # what will be dropped is not known yet
            return self._packs(TokenRows.of(round))
        packs: list[list[int]] = []
        for part in range(self.schedule.minibatches):
            groups = parts_of(round, self.seed, part, self.schedule.minibatches)
            batch = Batch.of(round, groups, self.objective)
            for pack in self._packs(batch.rows):
                packs.append([batch.index[i] for i in pack])
        return packs

    def _packs(self, rows: TokenRows) -> list[list[int]]:
        return rows.packs(self.tokens_per_forward, self.policy.layout)

    def _score(
        self,
        rows: TokenRows,
        score: Callable[[TokenRows, float], Scores],
        packs: list[list[int]] | None = None,
    ) -> Floats:
        """Log-probabilities of every row's completion, or of those in these packs; nothing of the
        others."""
        columns: list[array] = [array("f")] * len(rows)
        for pack in self._packs(rows) if packs is None else packs:
            logp_BT = score(rows.take(pack), self.temperature).logp_BT.cpu()
            for i, logp_T in zip(pack, logp_BT, strict=True):
                columns[i] = array("f", logp_T[: len(rows.completions[i])].tolist())
        return tuple(columns)


def check_objective(objective: Objective) -> None:
    """Raise ConfigError for an objective that asks for what no trainer here has."""
    if objective.needs_values:
        raise ConfigError(
            f"{objective.advantage} needs a critic's values, and this version trains no critic; "
            "take an advantage that compares completions, such as ZScore()."
        )
