"""Rules about the reward: there must be something to learn from it, and it must be the task."""

from collections import deque
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar

from ..text import decimal, percent
from .rule import Rule
from .steps import FIRST, WINDOW, Figures, clearly_rose

REWARD_RISE = 0.1
"""Rise of the mean reward that is worth a question."""


class _Silent(Rule):
    """Silence: nearly no group teaches anything, for rounds on end.

    Groups that were refused for having no signal count, and so do their answers.

    Single rounds like that belong to every start and every end. In ten rounds in a row, seven demos
    never had more than 74 % without signal once they had begun to learn; but one of them had 99 %
    in its first ten and learned all the same, hence the patience with a start.
    """

    SILENT_SHARE, SOLVED_SHARE = 0.9, 0.9
    """Share of groups without signal that is nearly all, and share of right answers that is."""
    START_ROUNDS = 30
    """Rounds that a start without signal may take."""
    START_CLAUSE = (
        f"At the start of a run it takes {START_ROUNDS} such rounds, or {WINDOW} without any "
        "signal."
    )
    """Sentence at the end of the rule, about a run that starts without signal."""
    solved: ClassVar[bool]
    """True for the rule in which nearly all answers are right."""

    def __init__(self) -> None:
        super().__init__()
        self._rounds: deque[tuple[float, float]] = deque(maxlen=self.START_ROUNDS)
        self._at_once = False
        """True if ten rounds are enough: there was signal before, or ten rounds had none at all."""

    def takes(self, now: Figures) -> bool:
        if not now.begins or now.silent is None or now.answered is None:
            return False
        self._rounds.append((now.silent, now.answered))
        if len(self._rounds) < WINDOW:
            return False
        silent = self._silent(WINDOW)
        self._at_once |= silent < self.SILENT_SHARE or silent == 1
        return True

    def _silent(self, rounds: int) -> float:
        return round(fmean(share for share, _ in list(self._rounds)[-rounds:]), 9)

    def finding(self) -> str | None:
        patience = WINDOW if self._at_once else self.START_ROUNDS
        silent = self._silent(patience)
        if len(self._rounds) < patience or silent < self.SILENT_SHARE:
            return None
        right = fmean(right for _, right in list(self._rounds)[-patience:])
        if self.solved != (right >= self.SOLVED_SHARE):
            return None
        return (
            f"in the last {patience} rounds {percent(silent)} of the groups had no signal, with "
            f"{percent(right)} of the answers right"
        )


class AdvantageCollapse(_Silent):
    """Advantage collapse: the task is too hard, or all answers are the same. Products of numbers
    below 100, 12 % right, had 90 to 95 % of their groups without signal; `tiny`, when it has one
    answer for all problems, 90 to 100 %."""

    name = "advantage collapse"
    rule = (
        f"In the last {WINDOW} rounds at least {percent(_Silent.SILENT_SHARE)} of the groups had "
        "no signal (all completions of a problem got the same reward), and fewer than "
        f"{percent(_Silent.SOLVED_SHARE)} of the answers were right. {_Silent.START_CLAUSE}"
    )
    remedy = (
        "Take easier problems, or a reward in smaller steps. Larger groups "
        "(rollouts.completions), a higher rollouts.temperature and rollouts.accept=signal find "
        "what signal there is. If there was more before, a lower optimizer.lr keeps it."
    )
    solved = False


class NothingLeft(_Silent):
    """Nothing left to learn: groups without signal because nearly all answers are right. The recipe
    `program` is there after 23 steps, with 99 % right."""

    name = "nothing left to learn"
    rule = (
        f"In the last {WINDOW} rounds at least {percent(_Silent.SILENT_SHARE)} of the groups had "
        f"no signal, and at least {percent(_Silent.SOLVED_SHARE)} of the answers were right. "
        f"{_Silent.START_CLAUSE}"
    )
    remedy = "Stop here, or take harder problems."
    solved = True


class RewardAheadOfAnswers(Rule):
    """Reward ahead of the answers: it is collected from another part than the answer.

    Standard errors, because a demo's rounds lie 0.13 apart. A reward that pays the answer alone
    cannot trip it; `tiny`, paid for three letters of the alphabet as well, did after 20 steps
    (benchmarks/diagnoses.py).
    """

    name = "reward ahead of the answers"
    rule = (
        f"The mean reward of the last {WINDOW} rounds is at least {REWARD_RISE} and four standard "
        f"errors above that of the {WINDOW} before, and the share of right answers is no higher."
    )
    remedy = (
        "Look at the reasons and read some completions; make the part that grows smaller than the "
        "answer's, or pay it only with a right answer. In a run's first rounds this may be the "
        "form, which is learned first."
    )

    def __init__(self) -> None:
        super().__init__()
        self._recent: deque[tuple[float, float]] = deque(maxlen=2 * WINDOW)

    def takes(self, now: Figures) -> bool:
        if not now.begins or now.reward is None or now.accuracy is None:
            return False
        self._recent.append((now.reward, now.accuracy))
        return len(self._recent) == 2 * WINDOW

    def finding(self) -> str | None:
        rewards, right = zip(*self._recent, strict=True)
        early, late = rewards[:WINDOW], rewards[WINDOW:]
        before, after = fmean(right[:WINDOW]), fmean(right[WINDOW:])
        if not clearly_rose(early, late, REWARD_RISE) or after > before:
            return None
        return (
            f"the mean reward rose to {decimal(fmean(late))} in the last {WINDOW} rounds, from "
            f"{decimal(fmean(early))} in the {WINDOW} before, while the share of right answers "
            f"went from {percent(before)} to {percent(after)}"
        )


@dataclass(frozen=True, slots=True)
class _Measured:
    """A held-out measurement."""

    step: int
    accuracy: float
    rewards: tuple[float, ...]
    """Mean rewards of the rounds before it, at most WINDOW; too few at a run's start."""


class RewardAheadOfHeldOut(Rule):
    """Reward ahead of held-out accuracy: the gain does not carry over.

    It is compared with the best measurement so far, so that slow drifts add up. The best of several
    is a lucky one, by some points; a reward that rose by ten for the right reason would have
    brought more. But it is asked often: in 6,000 simulated runs each that learn, or stand still,
    with the demo's noise and evaluations of 500 problems, every 1, 2, 4 and 10 steps, it spoke in
    1 to 3 of 1,000; at four standard errors in 6 to 12.
    """

    STANDARD_ERRORS = 5
    """Standard errors by which the mean reward must have risen."""
    LEAST_PROBLEMS = 200
    """Fewest held-out problems that prove something: with 200, the difference of two accuracies is
    uncertain by 5 points."""

    name = "reward ahead of held-out accuracy"
    rule = (
        f"Since the best held-out accuracy so far, the mean reward of the last {WINDOW} rounds has "
        f"risen by at least {REWARD_RISE} and five standard errors, and held-out accuracy has not "
        f"risen. Evaluations of fewer than {LEAST_PROBLEMS} problems prove nothing."
    )
    remedy = (
        "Read some held-out answers: the reward may be paid for something else than the task, or "
        "few training problems are being learned by heart. Take more problems, make "
        "evaluation.every smaller, and keep the checkpoint of the best evaluation."
    )
    rest = 1  # evaluations are rare

    def __init__(self) -> None:
        super().__init__()
        self._first: list[float] = []
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._best: _Measured | None = None
        """Best measurement of all but the newest."""
        self._now: _Measured | None = None

    def takes(self, now: Figures) -> bool:
        if now.begins and now.reward is not None:
            if len(self._first) < FIRST:
                self._first.append(now.reward)
            self._recent.append(now.reward)
        few = now.problems is not None and now.problems < self.LEAST_PROBLEMS
        if now.heldout is None or few:
            return False
        if self._now and (self._best is None or self._now.accuracy > self._best.accuracy):
            self._best = self._now
        self._now = _Measured(now.step, now.heldout, tuple(self._recent))
        return self._best is not None and bool(self._recent)

    def finding(self) -> str | None:
        best, now = self._best, self._now
        assert best is not None and now is not None
        early = best.rewards if len(best.rewards) >= FIRST else self._first
        rose = clearly_rose(early, now.rewards, REWARD_RISE, self.STANDARD_ERRORS)
        if now.accuracy > best.accuracy or not rose:
            return None
        since = f"after step {best.step}" if best.step else "before training"
        return (
            f"held-out accuracy is {percent(now.accuracy, 1)} ({percent(best.accuracy, 1)} "
            f"{since}), while the mean reward went from {decimal(fmean(early))} to "
            f"{decimal(fmean(now.rewards))}"
        )


class OneAnswer(Rule):
    """One answer fits all: the policy learns to give it to every problem.

    The first round is the model as it came: where it repeats itself from the start the answers are
    few (letters, yes and no), and nothing is said. The demos repeat nothing; the recipe `tiny`,
    which ends in one answer for all sums, comes to 65 to 80 %, and the others are right by luck.
    """

    REPEATED_SHARE = 0.5
    """Share of wrong completions that say what others say, above which it is one answer."""
    PATIENCE_ROUNDS = 5
    """Rounds in a row in which it must hold."""

    name = "one answer fits all"
    rule = (
        f"In {PATIENCE_ROUNDS} rounds in a row more than {percent(REPEATED_SHARE)} of the "
        "completions were wrong and repeated an answer given to a problem with another expected "
        f"answer, and in the first round at most {percent(REPEATED_SHARE / 2)}."
    )
    remedy = (
        "Read some completions, and audit the reward (paceline audit): a guess that is right now "
        "and then is what pays. More problems in a round (rollouts.problems) and a lower "
        "optimizer.lr keep it from winning."
    )

    def __init__(self) -> None:
        super().__init__()
        self._first: float | None = None
        self._recent: deque[float] = deque(maxlen=self.PATIENCE_ROUNDS)

    def takes(self, now: Figures) -> bool:
        if not now.begins or now.repeated is None:
            return False
        if self._first is None:
            self._first = now.repeated
        self._recent.append(now.repeated)
        return len(self._recent) == self.PATIENCE_ROUNDS

    def finding(self) -> str | None:
        assert self._first is not None
        if min(self._recent) <= self.REPEATED_SHARE or self._first > self.REPEATED_SHARE / 2:
            return None
        return (
            f"in the last {self.PATIENCE_ROUNDS} rounds {percent(fmean(self._recent))} of the "
            "completions were wrong and repeated an answer given to another problem "
            f"({percent(self._first)} in the first round)"
        )
