"""Rules about the policy: its entropy, the length of its answers, its distance, its updates."""

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from ..text import percent, quantity
from .rule import Rule
from .steps import FIRST, WINDOW, Figures


@dataclass(slots=True)
class _Trained:
    """A round that trained, as one entry however many updates it serves: windows of updates would
    be short ones of rounds, and one round's answers would stand in both of two windows."""

    accuracy: float
    figures: list[float] = field(default_factory=list)
    """Figures of its steps that trained, so far."""


class _Rounds:
    """The last rounds that trained, with a figure of their steps."""

    def __init__(self, most: int) -> None:
        self.first: list[_Trained] = []
        self.recent: deque[_Trained] = deque(maxlen=most)
        self._begins = True

    def take(self, now: Figures, figure: float | None) -> bool:
        """True if the step is the first of its round that trained. The round is judged with it;
        figures of later steps count from the next round on."""
        self._begins |= now.begins
        if figure is None or now.accuracy is None:
            return False
        begins, self._begins = self._begins, False
        if begins:
            self.recent.append(_Trained(now.accuracy))
            if len(self.first) < FIRST:
                self.first.append(self.recent[-1])
        self.recent[-1].figures.append(figure)
        return begins


class EntropyCollapse(Rule):
    """Entropy collapse: the policy has stopped exploring, and has not learned the task by it.

    Low entropy alone is how a policy that has learned looks: seven demos end at 3 to 8 % of their
    first entropy with 74 to 79 % right, and ten steps of theirs are at most 12 points below their
    best. The demo with a learning rate of 2e-5 stood at 3 % and 16 points below; `tiny` with an
    entropy penalty was at 0.1 % with nothing right.
    """

    ENTROPY_LEFT = 0.05
    """Share of the first entropy below which little is left."""
    FEW_RIGHT = 0.5
    """Share of right answers below which they are too few for a policy so sure of itself."""
    ACCURACY_FALLEN = 0.15
    """Fall of the share of right answers from its best that counts as well."""

    name = "entropy collapse"
    rule = (
        f"The mean entropy of the last {WINDOW} rounds that trained is below "
        f"{percent(ENTROPY_LEFT)} of that of the first {FIRST}, and of their answers fewer than "
        f"{percent(FEW_RIGHT)} are right and no more than in the {WINDOW} before and in the "
        f"{WINDOW} before those, or {100 * ACCURACY_FALLEN:.0f} points fewer than in the best "
        f"{WINDOW} rounds."
    )
    remedy = (
        "Go back to an earlier checkpoint with a lower optimizer.lr or optimizer.decay=linear; "
        "leave the clip more room upwards (--objective 'grpo(high=0.28)'), or give the objective "
        "a small entropy bonus."
    )

    def __init__(self) -> None:
        super().__init__()
        self._rounds = _Rounds(3 * WINDOW)
        self._best = 0.0

    def takes(self, now: Figures) -> bool:
        if not self._rounds.take(now, now.entropy):
            return False
        right = [round.accuracy for round in self._rounds.recent]
        if len(right) < WINDOW:
            return False
        self._best = max(self._best, fmean(right[-WINDOW:]))
        return len(right) >= 2 * WINDOW

    def finding(self) -> str | None:
        recent = list(self._rounds.recent)
        first, now = _entropy(self._rounds.first), _entropy(recent[-WINDOW:])
        right = [round.accuracy for round in recent]
        before, after = fmean(right[-2 * WINDOW : -WINDOW]), fmean(right[-WINDOW:])
        # Beside the ten before alone, a slow rise stands still by chance now and then.
        long = len(right) == 3 * WINDOW and after <= min(before, fmean(right[:WINDOW]))
        stuck = after < self.FEW_RIGHT and long
        fallen = round(self._best - after, 9) >= self.ACCURACY_FALLEN
        if now >= self.ENTROPY_LEFT * first or not (stuck or fallen):
            return None
        return (
            f"the entropy of the last {WINDOW} rounds that trained was {now:.2g} nats a token, "
            f"which is {percent(now / first, 1)} of the {first:.3g} in the first {FIRST}, and "
            f"{percent(after)} of their answers were right ({percent(before)} in the {WINDOW} "
            f"rounds before, {percent(self._best)} at best)"
        )


def _entropy(rounds: Sequence[_Trained]) -> float:
    return fmean(fmean(round.figures) for round in rounds)


@dataclass(frozen=True, slots=True)
class _Then:
    """A figure when the share of right answers last rose."""

    step: int
    figure: float
    accuracy: float


class _SinceAnswersRose(Rule):
    """A figure that moves while the share of right answers does not.

    It is compared with its value when that share last rose by ACCURACY_GAIN: a figure may move as
    far as it likes while answers get better, and a slow drift adds up when they do not. Until
    then its first value counts.
    """

    ACCURACY_GAIN = 0.05
    """Rise of the share of right answers that counts; less is chance, as ten rounds of the demo are
    uncertain by 4 points."""
    middle: Callable[[Sequence[float]], float] = staticmethod(fmean)

    def __init__(self) -> None:
        super().__init__()
        self._then: _Then | None = None
        self._rounds = _Rounds(WINDOW)

    def _takes(self, now: Figures, figure: float | None) -> bool:
        if not self._rounds.take(now, figure):
            return False
        known = len(self._rounds.recent)
        if self._then is None and known == FIRST:
            self._then = self._now(now.step)
        if self._then is None or known < WINDOW:
            return False
        then = self._now(now.step)
        if round(then.accuracy - self._then.accuracy, 9) >= self.ACCURACY_GAIN:
            self._then = then
        return True

    def _now(self, step: int) -> _Then:
        recent = self._rounds.recent
        figure = self.middle([self.middle(round.figures) for round in recent])
        return _Then(step, figure, fmean(round.accuracy for round in recent))

    def finding(self) -> str | None:
        assert self._then is not None
        then, now = self._then, self._now(0)
        moved = self._moved(then.figure, now.figure)
        return moved and (
            f"{moved} since step {then.step}, while the share of right answers went from "
            f"{percent(then.accuracy)} to {percent(now.accuracy)}"
        )

    @abstractmethod
    def _moved(self, then: float, now: float) -> str | None:
        """The distance that the figure has moved, in words, if it is far."""


class LengthDrift(_SinceAnswersRose):
    """Length drift: completions grow or shrink, and nothing is gained.

    Where the demos shrink from 30 tokens to 12, their answers get better; those to products of
    numbers below 100, which hardly did, shrank to 58 %. `tiny` paid for brevity is told of it at
    1.7 tokens of 3.8, and paid for length at 215 of 140 (benchmarks/diagnoses.py).
    """

    GROWN, SHRUNK = 1.5, 0.5
    """Factors of length: a model that learns to end shrinks further than one that learns to think
    grows."""

    name = "length drift"
    rule = (
        f"The mean length of the last {WINDOW} rounds is at least {GROWN} times, or at most "
        f"{SHRUNK} times, what it was when the share of right answers last rose by "
        f"{100 * _SinceAnswersRose.ACCURACY_GAIN:.0f} points (in the first {FIRST} rounds, if it "
        "never did)."
    )
    remedy = (
        "If you want it so, all is well. Else read some completions. Longer ones may repeat and "
        "hedge: a part Overlong or LengthTarget in the reward, or --objective dr_grpo, which does "
        "not favour long wrong answers. Shorter ones may leave out what is not paid for."
    )

    def takes(self, now: Figures) -> bool:
        return self._takes(now, now.length)

    def _moved(self, then: float, now: float) -> str | None:
        if not then or self.SHRUNK * then < now < self.GROWN * then:
            return None
        verb = "grew" if now > then else "shrank"
        told = f"from {quantity(then, 1e6)} to {quantity(now, 1e6)}"
        return f"completions {verb} {told} tokens on average"


class KlGrowth(_SinceAnswersRose):
    """KL growth: the policy leaves its reference, and nothing is gained.

    The demo, without a penalty, stands 0.3 to 0.7 nats a token from its start when it has learned.
    `tiny` with a penalty that holds it stays below 1.3; with a fiftieth of it and five times the
    learning rate it was at 1.7 after ten steps, with few answers more.
    """

    FAR_NATS, FAR_TIMES = 1.5, 2.0
    """Distance that is far: nats a token, and multiples of the earlier distance; both must hold."""

    name = "KL growth"
    rule = (
        f"The median KL to the reference of the last {WINDOW} rounds that trained is at least "
        f"{FAR_NATS} nats a token and at least {FAR_TIMES:.0f} times what it was when the share of "
        f"right answers last rose by {100 * _SinceAnswersRose.ACCURACY_GAIN:.0f} points (in the "
        f"first {FIRST} of them, if it never did)."
    )
    remedy = (
        "Lower optimizer.lr, or raise the objective's kl (--objective 'grpo(kl=0.1)'); where "
        "distance itself is no harm, let the reference follow (reference.every)."
    )
    # k3 explodes on single tokens: one of the demo's had 194 nats. A median does not mind.
    middle = staticmethod(median)

    def takes(self, now: Figures) -> bool:
        return self._takes(now, now.kl)

    def _moved(self, then: float, now: float) -> str | None:
        if now < max(self.FAR_NATS, self.FAR_TIMES * then):
            return None
        return f"the median KL to the reference went from {then:.2g} to {now:.2g} nats a token"


class RatioBlowUp(Rule):
    """Ratio blow-up: the updates of a round lead far from the policy that sampled, and many are
    clipped.

    Both figures, because neither alone is a sign: in demos with four updates a round, ratios went
    to 570 and once, under RLOO, to 1,900, with at most 16 % clipped; GSPO clips nearly everything
    by design, at ratios below 3. `tiny` with 16 updates a round at three times its learning rate
    had ratios of 14 to 270 and 60 to 90 % clipped. CISPO bounds few tokens at ratios of 1e14:
    hence the last bound.
    """

    FAR_RATIO, MUCH_CLIPPED = 10.0, 0.2
    """Largest ratio, and share of clipped tokens, that are much together."""
    ABSURD_RATIO = 1000.0
    """Largest ratio that is too much in any case."""
    UPDATES_FAR = 5
    """Updates of the last ten that must be far."""

    name = "ratio blow-up"
    rule = (
        f"In at least {UPDATES_FAR} of the last {WINDOW} updates after a round's first, the "
        f"largest ratio was at least {FAR_RATIO:.0f} with at least {percent(MUCH_CLIPPED)} of the "
        f"tokens clipped, or at least {ABSURD_RATIO:,.0f} in any case."
    )
    remedy = (
        "Lower optimizer.lr, or make fewer updates of a round (schedule.minibatches, "
        "schedule.epochs): most of what these updates learn is thrown away."
    )

    def __init__(self) -> None:
        super().__init__()
        self._recent: deque[tuple[float, float | None]] = deque(maxlen=WINDOW)

    def takes(self, now: Figures) -> bool:
        # A round's first update has the policy that sampled it: its ratios are 1 in any case.
        if now.part == 0 or now.ratio is None:
            return False
        self._recent.append((now.ratio, now.clipped))
        return len(self._recent) >= self.UPDATES_FAR

    def _far(self, ratio: float, clipped: float | None) -> bool:
        lost = clipped is not None and clipped >= self.MUCH_CLIPPED
        return ratio >= self.ABSURD_RATIO or (ratio >= self.FAR_RATIO and lost)

    def finding(self) -> str | None:
        far = [update for update in self._recent if self._far(*update)]
        if len(far) < self.UPDATES_FAR:
            return None
        low, high = (quantity(pick(ratio for ratio, _ in far), 1e6) for pick in (min, max))
        clipped = [share for _, share in far if share is not None]
        of = f", with {percent(fmean(clipped))} of the tokens clipped" if clipped else ""
        return (
            f"in {len(far)} of the last {len(self._recent)} updates after a round's first the "
            f"largest ratio was between {low} and {high}{of}"
        )
