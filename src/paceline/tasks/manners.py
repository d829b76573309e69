"""Pairs of answers of which one has better manners, made up by the program: the task of the recipe
`reward_model`."""

from dataclasses import dataclass
from typing import Literal, get_args

from .. import rng
from ..annotations import refuse_if
from ..errors import ConfigError
from ..types import Given, Problem
from ..verify.calling.missing import Unjudged
from .arithmetic import Arithmetic
from .pair_forms import pair
from .task import Task, demonstration

Manner = Literal["polite", "brief"]
ANSWERS: dict[Manner, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "polite": (
        (
            "Sure! {a} + {b} = {c}.",
            "Of course. The sum of {a} and {b} is {c}.",
            "Happy to help: {a} + {b} = {c}.",
        ),
        (
            "{c}. Easy.",
            "It's {c}, obviously.",
            "{a} + {b} = {c}, and you could have done that yourself.",
            "Ask somebody else next time. It is {c}, as everybody knows.",
        ),
    ),
    "brief": (
        ("{a} + {b} = {c}.", "The sum is {c}."),
        (
            "{a} + {b} = {c}. I hope that this helps you.",
            "The sum is {c}. Let me know what else I can do.",
            "{a} + {b} = {c}. Addition is fun, isn't it?",
        ),
    ),
}
"""Manner -> ways to say a sum that have it, and ways that have not."""
ERRORS = (-10, -1, 1, 10)
"""Errors of a wrong sum."""


@dataclass(frozen=True, slots=True)
class Manners:
    """Two answers to each of some additions, of which the one with the better manners is preferred,
    right or wrong: a reward model can learn it in a minute.

    Half of the sums in either answer are wrong, so that being right says nothing. All numbers come
    from task.seed.
    """

    manner: Manner = "polite"
    """Manner that is preferred: polite answers are the longer ones in about half of the pairs,
    brief ones are the shorter ones in most."""
    pairs: int = 480
    """Pairs to train on."""
    heldout: int = 300
    """Pairs to hold out, of other sums."""
    low: int = 10
    """Smallest operand."""
    high: int = 99
    """Largest operand."""
    seed: int = 0
    """Seed of the sums and of what is said."""

    def load(self) -> Task:
        """The task; milliseconds.

        Raises: ConfigError for an unknown manner, or more pairs than there are sums.
        """
        if self.manner not in get_args(Manner):
            raise ConfigError(f"task.manner is '{self.manner}'; it is {' or '.join(ANSWERS)}.")
        for name in ("pairs", "heldout"):
            refuse_if(getattr(self, name) < 1, f"task.{name}", getattr(self, name), "be at least 1")
        refuse_if(self.low > self.high, "task.low", self.low, "not be above task.high")
        every = self.pairs + self.heldout
        # Of two sums with the same operands both are held out, or none: one more than asked for.
        sums = Arithmetic(
            low=self.low, high=self.high, problems=every + 1, heldout=self.heldout, seed=self.seed
        ).load()
        if len(sums.train) < self.pairs or len(sums.heldout) < self.heldout:
            raise ConfigError(
                f"task.pairs and task.heldout are {every} together, and there are not so many sums "
                f"from {self.low} to {self.high}; raise task.high, or ask for fewer."
            )
        return Task(
            "manners", sums.train[: self.pairs], sums.heldout[: self.heldout], sums.template,
            Unjudged(option=False), given=self._given, judged=False,
        )  # fmt: skip

    def _given(self, problem: Problem) -> tuple[Given, ...]:
        """The two answers to a sum."""
        stream = rng.key(self.seed, "manners", problem.id)
        good, bad = (
            self._said(problem, side, stream, 3 * place)
            for place, side in enumerate(ANSWERS[self.manner])
        )
        return pair(demonstration(good).turns, demonstration(bad).turns)

    def _said(self, problem: Problem, ways: tuple[str, ...], stream: int, place: int) -> str:
        """One of some ways to say the sum, half of the time with an error."""
        a, _, b = problem.data.values()
        wrong = rng.integer(stream, place, 0, 1)
        c = int(problem.answer) + wrong * rng.choice(stream, place + 1, ERRORS)
        return rng.choice(stream, place + 2, ways).format(a=a, b=b, c=c)
