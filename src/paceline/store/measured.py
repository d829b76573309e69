"""The record of a measurement on held-out problems, and the shares in it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..stats import Interval
from .base import Record

if TYPE_CHECKING:
    from ..training.evaluate import Evaluation
    from ..training.likelihood import Likelihood
    from ..training.pairs import PairAccuracy


@dataclass(frozen=True, slots=True)
class Share:
    """A measured share, with its 95 % interval.

    Example: Share(0.78, (0.74, 0.81))
    """

    value: float
    interval: Interval | None = None
    """None where it is not known."""

    @property
    def bounds(self) -> Interval:
        """The ends of the interval; nan where it is not known."""
        return self.interval or (math.nan, math.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin(Record):
    """Pairs whose order is equally sure to a reward model.

    Example: Bin(pairs=31, probability=0.97, right=0.94)
    """

    noun: ClassVar[str] = "bin"

    pairs: int
    """Number of pairs."""
    probability: float
    """Mean probability that the model gives to its order of a pair."""
    right: float
    """Share of the pairs in which that order is right; a tie counts half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Record):
    """A measurement on held-out problems: the accuracy of answers, the likelihood of what rows
    bring, the order of the pairs that they bring, or several of these.

    Example: Measured(task="arithmetic", n=500, greedy_accuracy=0.81, sampled_accuracy=0.78,
        pass_at={"1": 0.78}, intervals={"sampled_accuracy": [0.74, 0.81], …}, cut=0.0, seconds=61.0)
    """

    noun: ClassVar[str] = "measurement"

    task: str = ""
    """The name of the task."""
    n: int
    """Number of held-out problems, or of rows where no answer is judged."""
    greedy_accuracy: float | None = None
    """Share of problems whose likeliest answer is right; missing where no answer is judged."""
    sampled_accuracy: float | None = None
    """Mean share of right answers among the sampled ones; missing where no answer is judged."""
    pass_at: Mapping[str, float] = field(default_factory=dict)
    """k -> chance that one of k sampled answers is right."""
    intervals: Mapping[str, Any] = field(default_factory=dict)
    """The 95 % interval of each accuracy and of `nll`: low, high."""
    cut: float = 0.0
    """Share of sampled completions that were cut by length."""
    seconds: float = 0.0
    """Duration of the measurement."""
    lost: int = 0
    """Completions that the verifier gave no verdict on; they count as wrong."""
    rows: int | None = None
    """Held-out rows whose completions' likelihood was measured; missing where none was."""
    nll: float | None = None
    """Mean negative log-likelihood of a trained token of these rows, in nats."""
    token_accuracy: float | None = None
    """Share of these tokens that are the likeliest in their place."""
    end_probability: float | None = None
    """Mean probability of the token that ends a turn, where a turn ends."""
    pairs: int | None = None
    """Held-out pairs of completions that were compared; missing where none were."""
    pair_accuracy: float | None = None
    """Share of them whose preferred completion has the higher reward; a tie counts half."""
    pair_margin: float | None = None
    """Mean difference of the two rewards."""
    longer_wins: float | None = None
    """Share of the same pairs that are in order if the longer completion wins."""
    length_correlation: float | None = None
    """Rank correlation of a reward model's score with the length of the completion."""
    calibration_error: float | None = None
    """Mean distance of the probability σ(s_w − s_l) that a reward model gives to its own order of a
    pair from the share of pairs in which that order is right."""
    temperature: float | None = None
    """Divisor of the scores that made them likeliest on these pairs, and with which the model was
    saved; missing where none was sought."""
    calibration_error_before: float | None = None
    """`calibration_error` of the scores before they were divided."""
    right_from: float | None = None
    """Score that separates preferred completions from others best."""
    reliability: tuple[Bin, ...] = ()
    """Pairs by the probability that the reward model gives to its order of them: ten bins."""

    @property
    def sampled(self) -> Share | None:
        """The accuracy of sampled answers."""
        return self._share("sampled_accuracy")

    @property
    def greedy(self) -> Share | None:
        """The accuracy of the likeliest answers."""
        return self._share("greedy_accuracy")

    @property
    def ordered(self) -> Share | None:
        """The accuracy of the order of pairs."""
        return self._share("pair_accuracy")

    @property
    def accuracies(self) -> tuple[float, float]:
        """The accuracies of sampled and of greedy answers, where both have been measured.

        Raises: ValueError where no answer was judged.
        """
        if self.sampled_accuracy is None or self.greedy_accuracy is None:
            raise ValueError(f"No answer was judged in this measurement of '{self.task}'.")
        return self.sampled_accuracy, self.greedy_accuracy

    @property
    def leading(self) -> float | None:
        """The one share that tells most: the accuracy of sampled answers, or else the pairs in
        order; None where neither was measured."""
        return self.pair_accuracy if self.sampled_accuracy is None else self.sampled_accuracy

    def _share(self, name: str) -> Share | None:
        value, ends = getattr(self, name), self.intervals.get(name)
        return None if value is None else Share(value, (ends[0], ends[1]) if ends else None)

    @classmethod
    def of(
        cls,
        evaluation: "Evaluation | None",
        likelihood: "Likelihood | None" = None,
        pairs: "PairAccuracy | None" = None,
    ) -> Self:
        """The record of what has just been measured."""
        parts = [one for one in (pairs, likelihood, evaluation) if one is not None]
        made: dict[str, Any] = {}
        for one in parts:
            made |= {f.name: getattr(one, f.name) for f in fields(one)}
        if pairs is not None:
            made["reliability"] = tuple(Bin(**asdict(one)) for one in pairs.reliability)
            # What only a reward model has is not there for a policy, rather than null.
            made = {name: value for name, value in made.items() if value not in (None, ())}
        if evaluation is not None:
            made["pass_at"] = {str(k): share for k, share in evaluation.pass_at.items()}
        elif likelihood is not None:
            made["n"] = likelihood.rows
        made["seconds"] = sum(one.seconds for one in parts)
        made["intervals"] = {
            name: list(ends) for one in parts for name, ends in one.intervals.items()
        }
        own = {f.name for f in fields(cls)} - {"unknown", "absent"}
        return cls(**made, absent=frozenset(own - made.keys()))
