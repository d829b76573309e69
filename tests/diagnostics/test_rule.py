"""A rule: when its diagnosis begins, goes on and ends."""

from paceline.diagnostics import diagnoses
from paceline.diagnostics.rule import Diagnosis, Rule
from paceline.diagnostics.steps import Figures
from tests.helpers.quiet_runs import a_run, only, told
from tests.helpers.records import a_step


class High(Rule):
    """A rule that holds in a round with a reward above 1, and needs three that do not to end."""

    name = "high reward"
    rule = "The reward is above 1."
    remedy = "Pay less."
    rest = 3

    def takes(self, now: Figures) -> bool:
        self.reward = now.reward
        return now.begins and now.reward is not None

    def finding(self) -> str | None:
        return f"it is {self.reward:g}" if self.reward is not None and self.reward > 1 else None


def seen(*rewards: float, parts: int = 1) -> tuple[High, list[int]]:
    """The rule after rounds with these rewards, and the steps at which it spoke."""
    rule, last, spoke = High(), None, []
    for i in range(len(rewards) * parts):
        step = a_step(step=i + 1, round=i // parts, part=i % parts, reward=rewards[i // parts])
        last = Figures.of(step, last)
        if rule.sees(last) is not None:
            spoke.append(i + 1)
    return rule, spoke


def test_a_diagnosis_keeps_its_first_and_its_last_finding():
    rule, spoke = seen(1, 2, 3)
    assert spoke == [2] and rule.found == [
        Diagnosis(
            name="high reward", first=2, last=3, over=False, finding="it is 2", lately="it is 3",
            rule="The reward is above 1.", remedy="Pay less.",
        )
    ]  # fmt: skip
    assert rule.found[0].told == "high reward: it is 2. Pay less."


def test_it_ends_after_its_rest_and_may_begin_again():
    rule, spoke = seen(2, 0, 0, 2)
    assert spoke == [1] and [(one.first, one.last, one.over) for one in rule.found] == [
        (1, 4, False)
    ]
    rule, spoke = seen(2, 0, 0, 0, 2)
    assert spoke == [1, 5]
    assert [(one.first, one.last, one.over) for one in rule.found] == [(1, 1, True), (5, 5, False)]


def test_the_rest_counts_only_judgements_in_a_row():
    rule, _ = seen(2, 0, 0, 2, 0, 0)
    assert [one.over for one in rule.found] == [False]


def test_a_round_is_judged_once_and_what_holds_holds_to_its_end():
    rule, spoke = seen(0, 2, 0, parts=4)
    # The second round is steps 5 to 8.
    assert spoke == [5] and (rule.found[0].first, rule.found[0].last) == (5, 8)


def test_what_had_no_figures_was_not_judged():
    rule = High()
    rule.sees(Figures.of(a_step(reward=2.0, part=1), Figures.of(a_step(), None)))
    assert not rule.judged and rule.found == []
    assert seen(0)[0].judged


def test_a_diagnosis_reaches_as_far_as_it_was_judged_and_to_the_end_of_that_round():
    # Steps 13 to 16 are the fourth round, of which the last trained nothing, as none did later.
    lines = a_run(40, 4, ratio_max=lambda s: 50.0 if s < 16 else None, clip_fraction=0.5)
    assert (only(lines).first, only(lines).last, only(lines).over) == (7, 16, False)


def test_it_is_told_once_and_again_only_when_it_comes_back():
    flapping = a_run(60, repeated_mistakes=lambda r: 0.9 if r % 10 > 3 else 0.0 if r < 4 else 0.4)
    assert told(flapping) == [(8, "one answer fits all")]
    back = a_run(80, repeated_mistakes=lambda r: 0.9 if 10 < r < 31 or r > 50 else 0.0)
    assert told(back) == [(15, "one answer fits all"), (55, "one answer fits all")]
    first, second = diagnoses(back)
    assert (first.first, first.last, first.over) == (15, 30, True)
    assert (second.first, second.last, second.over) == (55, 80, False)
