"""Signs that the reward is paid for something else than the task: said once, with the figures.

Four rules, each on figures that every step or evaluation has anyway.

- The reward rises and the answers do not get better: over WINDOW steps the mean reward gained RISE
  while the share of right answers gained nothing. A part of the reward other than the answer is
  being collected.
- The reward rises and held-out accuracy does not: between two evaluations the mean reward gained
  RISE while held-out accuracy fell.
- No signal: in BARREN steps in a row no group's rewards differed.
- One answer fits all: more than REPEATED of a round's completions say what a completion of a
  problem with another answer says, in PATIENCE rounds in a row.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from ..errors import ConfigError
from ..types import Round

WINDOW = 10
RISE = 0.1
BARREN = 10
REPEATED = 0.5
PATIENCE = 5
ENOUGH = 32
"""Completions in the first round, below which it proves nothing."""


class Watch:
    """Sees every step's line and says what it notices."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, float]] = deque(maxlen=2 * WINDOW)
        """Reward and accuracy of the last steps."""
        self._since: list[float] = []
        """Rewards since the last evaluation."""
        self._before: tuple[float, float] | None = None
        """Mean reward before, and held-out accuracy at, the last evaluation."""
        self._repeating = self._barren = 0
        self._formal = False
        """Whether the first rule held at the last step: it is told when it begins to."""

    def notices(self, line: Mapping[str, Any]) -> Iterator[str]:
        """What a step's line shows, one sentence each."""
        self._steps.append((line["reward"], line["accuracy"]))
        self._since.append(line["reward"])
        yield from self._form()
        yield from self._signal(line)
        yield from self._heldout(line.get("evaluation"))
        if line["part"] == 0:  # the steps of a round share its figure
            yield from self._repetition(line["repeated_answers"])

    def _form(self) -> Iterator[str]:
        if len(self._steps) < 2 * WINDOW:
            return
        early, late = list(self._steps)[:WINDOW], list(self._steps)[WINDOW:]
        reward, right = (fmean(x[i] for x in late) - fmean(x[i] for x in early) for i in (0, 1))
        seen, self._formal = self._formal, reward >= RISE and right <= 0
        if self._formal and not seen:
            yield (
                f"over the last {2 * WINDOW} steps the reward rose by {reward:.2f} and the share "
                "of right answers did not: the model collects another part of the reward than the "
                "answer; look at the reasons, and make that part smaller."
            )

    def _heldout(self, evaluation: Mapping[str, Any] | None) -> Iterator[str]:
        if evaluation is None:
            return
        reward, accuracy = fmean(self._since), evaluation["sampled_accuracy"]
        if self._before is not None:
            rose, fell = reward - self._before[0], self._before[1] - accuracy
            if rose >= RISE and fell > 0:
                yield (
                    f"since the last evaluation the reward rose by {rose:.2f} while held-out "
                    f"accuracy fell by {100 * fell:.1f} points: the reward may be paid for "
                    "something else than the task; read some completions."
                )
        self._before, self._since = (reward, accuracy), []

    def _signal(self, line: Mapping[str, Any]) -> Iterator[str]:
        self._barren = 0 if line["rows_trained"] else self._barren + 1
        if self._barren == BARREN:
            easier = "easier problems, or a reward in smaller steps"
            advice = "harder problems" if line["accuracy"] > 0.5 else easier
            yield (
                f"for {BARREN} steps in a row no group had any signal: all completions of each "
                f"problem got the same reward, and nothing was learned; take {advice}, larger "
                "groups, or rollouts.accept=signal."
            )

    def _repetition(self, share: float) -> Iterator[str]:
        self._repeating = self._repeating + 1 if share > REPEATED else 0
        if self._repeating == PATIENCE:
            yield (
                f"for {PATIENCE} rounds more than {100 * REPEATED:.0f} % of the completions have "
                "said what completions of other problems said: one answer that fits all is being "
                "learned; read some, and audit the reward."
            )


def refuse_hopeless(first: Round, max_tokens: int) -> None:
    """Raise ConfigError where all of the first round was cut and none of it is told apart: nothing
    can be learned from answers that never come to their end."""
    n = len(first.rollouts)
    if n < ENOUGH or any(group.has_signal for group in first.groups):
        return
    if all(r.completion.finish == "length" for r in first.rollouts):
        raise ConfigError(
            f"All of the first {n} completions were cut at {max_tokens} tokens, and no group had "
            "any signal: nothing can be learned so; raise rollouts.max_tokens, ask for shorter "
            "answers, or see `paceline audit`."
        )


def repeated_answers(round: Round) -> float:
    """The share of completions whose text is also that of a completion of another problem, one with
    another answer: that equal answers are said in equal words is as it should be."""
    asked: dict[str, set[str]] = {}
    for group in round.groups:
        for rollout in group.rollouts:
            expected = group.problem.answer or group.problem.id
            asked.setdefault(_said(rollout.completion.text), set()).add(expected)
    texts = [_said(r.completion.text) for r in round.rollouts]
    return sum(len(asked[text]) > 1 for text in texts) / len(texts)


def _said(text: str) -> str:
    return " ".join(text.split())
