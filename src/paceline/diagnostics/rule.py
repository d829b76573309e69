"""A rule, and the diagnosis that it makes when it holds."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from .steps import Figures


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A diagnosis: a sign of trouble in a run, from one step to another.

    Example: Diagnosis(name="entropy collapse", first=31, last=46, over=False, finding="the entropy
        of the last 10 rounds that trained was 0.07 nats a token, …", lately="the entropy …",
        rule="The mean entropy of …", remedy="Lower optimizer.lr …")
    """

    name: str
    """Name of the rule."""
    first: int
    """Step at which the rule began to hold."""
    last: int
    """Last step at which the rule held, to the end of its round."""
    over: bool
    """True if it came to an end: the rule has not held for a while since."""
    finding: str
    """Finding at step `first`, a sentence without a capital and a full stop."""
    lately: str
    """Finding at step `last`, in the same form."""
    rule: str
    """Condition of the rule, with its thresholds."""
    remedy: str
    """Advice, with the keys of the config."""

    @property
    def told(self) -> str:
        """Sentences for the terminal, at the step at which it begins."""
        return f"{self.name}: {self.finding}. {self.remedy}"


class Rule(ABC):
    """A rule that looks for one sign, step by step. It sees every line of a run once and in order,
    and depends on nothing else."""

    name: ClassVar[str]
    """Name of the sign, in lower case."""
    rule: ClassVar[str]
    """Condition, with its thresholds, as a sentence."""
    remedy: ClassVar[str]
    """Advice for a run in which it holds."""
    rest: ClassVar[int] = 10
    """Judgements in a row that it does not hold, which end a diagnosis: figures that move about a
    threshold are one diagnosis, not ten."""

    def __init__(self) -> None:
        self.found: list[Diagnosis] = []
        self.judged = False
        """True if the run has had the figures that the rule needs."""
        self._calm = 0
        """Judgements in a row, so far, that it does not hold."""
        self._holds = False
        """True if it held when it was last judged, and that was in the round of this step."""

    @abstractmethod
    def takes(self, now: Figures) -> bool:
        """Take in a step's figures; returns True if there is something new to judge, and enough of
        it."""

    @abstractmethod
    def finding(self) -> str | None:
        """The finding, a sentence about the figures so far, if the rule holds."""

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
