"""What a rule is, and what it says when it holds."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from .steps import Figures


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Something that was going on in a run, from one step to another.

    Example: Diagnosis(name="entropy collapse", first=31, last=46, over=False, finding="the entropy
        of the last 10 rounds that trained was 0.07 nats a token, …", lately="the entropy …",
        rule="The mean entropy of …", remedy="Lower optimizer.lr …")
    """

    name: str
    first: int
    """The step at which its rule began to hold."""
    last: int
    """The last step at which it held, to the end of its round."""
    over: bool
    """Whether it came to an end: the rule has not held for a while since."""
    finding: str
    """What the figures said at `first`, without a capital and a full stop."""
    lately: str
    """The same at `last`."""
    rule: str
    """When it is said, with the thresholds."""
    remedy: str
    """What to do, with the keys of the config."""

    @property
    def told(self) -> str:
        """The sentences for the terminal, at the step at which it begins."""
        return f"{self.name}: {self.finding}. {self.remedy}"


class Rule(ABC):
    """One sign, looked for step by step. A rule sees every line of a run once and in order, and
    depends on nothing else."""

    name: ClassVar[str]
    rule: ClassVar[str]
    remedy: ClassVar[str]
    rest: ClassVar[int] = 10
    """So many judgements in a row that it does not hold end it: figures that move about a threshold
    are one diagnosis, not ten."""

    def __init__(self) -> None:
        self.found: list[Diagnosis] = []
        self.judged = False
        """Whether the run has had the figures that the rule needs."""
        self._calm = 0
        """Judgements in a row that it does not hold."""
        self._holds = False
        """Whether it held when it was last judged, and that was in the round of this step."""

    @abstractmethod
    def takes(self, now: Figures) -> bool:
        """Take in what a step has for this rule. Returns whether there is something new to judge,
        and enough of it."""

    @abstractmethod
    def finding(self) -> str | None:
        """What the figures taken in say, if the rule holds."""

    def sees(self, now: Figures) -> Diagnosis | None:
        """The diagnosis, at the step at which it begins to hold."""
        going = bool(self.found) and not self.found[-1].over
        self._holds &= not now.begins
        if not self.takes(now):
            if self._holds:
                self.found[-1] = replace(self.found[-1], last=now.step)
            return None
        self.judged = True
        said = self.finding()
        self._holds = said is not None
        if said is None:
            self._calm += 1
            if going and self._calm >= self.rest:
                self.found[-1] = replace(self.found[-1], over=True)
            return None
        self._calm = 0
        if going:
            self.found[-1] = replace(self.found[-1], last=now.step, lately=said)
            return None
        self.found.append(
            Diagnosis(self.name, now.step, now.step, False, said, said, self.rule, self.remedy)
        )
        return self.found[-1]
