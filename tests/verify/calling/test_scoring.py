"""A completion on its way to its verdict: what is asked, what is lost, and what stops a run."""

import os
from dataclasses import dataclass, replace

import pytest

from paceline.errors import RewardError, SandboxError
from paceline.types import Verdict
from paceline.verify import LastNumber, Weighted
from paceline.verify.calling.scoring import NoVerdict
from paceline.verify.calling.verifier import judge
from tests.helpers.verdicts import PROBLEM, ask_pool, completion


def elsewhere(problem, completion):
    return Verdict(float(os.getpid()), {}, completion.text)


def raises(problem, completion):
    return 1 / len(completion.text)


def dies(problem, completion):
    os._exit(1)


def test_one_that_raises_stops_or_drops():
    with pytest.raises(
        RewardError, match=r"'raises' .* raised ZeroDivisionError on problem p"
    ) as r:
        ask_pool(raises, "")
    assert "in raises" in str(r.value.__cause__)
    assert ask_pool(raises, "", "aa", on_error="drop") == [
        NoVerdict("'raises' (test_scoring.py) raised ZeroDivisionError"),
        Verdict(0.5, {}, "scored by 'raises' (test_scoring.py)"),
    ]
    with pytest.raises(RewardError, match="ended its process"):
        ask_pool(dies, "a")
    assert ask_pool(dies, "a", on_error="drop") == [
        NoVerdict("'dies' (test_scoring.py) ended its process")
    ]
    lost = ask_pool(raises, "", on_error="drop")[0]
    assert "division by zero" in lost.detail


@dataclass(frozen=True)
class Many:
    """A batch verifier that knows how often it was called."""

    calls: list

    def batch(self, problems, completions):
        self.calls.append(len(completions))
        return [float(len(c.text)) for c in completions]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_part_that_takes_many_is_asked_once_behind_the_others(workers):
    many = Many([])
    verifier = Weighted((("number", LastNumber() & many, 1.0), ("length", many, 0.1)))
    verdicts = ask_pool(verifier, "42", "a", "so 42", workers=workers)
    assert [v.parts for v in verdicts] == [
        {"number": 2.0, "length": 2.0}, {"number": 0.0, "length": 1.0},
        {"number": 5.0, "length": 5.0},
    ]  # fmt: skip
    # First those whose gate was open and the one whose gate was not, then the two others again.
    assert many.calls == [3, 2]


@dataclass(frozen=True)
class Breaks:
    """A batch verifier that breaks so many times, then answers what it was given."""

    errors: list
    answers: tuple

    def batch(self, problems, completions):
        if self.errors:
            raise self.errors.pop()
        return self.answers


def test_a_lost_verdict_is_told_with_its_details_where_it_has_some():
    bare, full = NoVerdict("it was slow"), NoVerdict("it raised OSError", detail="No net.")
    assert (bare.because, bare.sentence) == ("it was slow", "it was slow.")
    assert (full.because, full.sentence) == ("it raised OSError (No net)", "No net.")


def test_many_at_once_get_a_second_try_and_lose_only_what_is_no_number():
    assert ask_pool(Breaks([SandboxError("no")], (1.0, 2.0)), "a", "b")[1].reward == 2.0
    assert (
        ask_pool(Breaks([SandboxError("no")] * 2, ()), "a", "b")
        == [NoVerdict("the sandbox failed")] * 2
    )
    one, two = ask_pool(Breaks([OSError("net")], (1.0, float("nan"))), "a", "b", on_error="drop")
    assert one.reward == 1.0 and two == NoVerdict("'Breaks' did not answer a number")
    lost = ask_pool(Breaks([OSError("net")] * 2, ()), "a", on_error="drop")
    assert lost == [NoVerdict("'Breaks' raised OSError")]
    with pytest.raises(RewardError, match="raised OSError on 2 completions: net"):
        ask_pool(Breaks([OSError("net")], (1.0, 2.0)), "a", "b")


@dataclass(frozen=True, slots=True)
class Louder(Weighted):
    def __call__(self, problem, completion):
        return replace(super(Louder, self).__call__(problem, completion), reward=99.0)


def test_a_class_made_of_a_sum_is_called_as_it_is():
    louder = Louder((("answer", LastNumber(), 1.0),))
    assert judge(louder, PROBLEM, completion("42")).reward == 99.0
    assert ask_pool(louder, "42", workers=1)[0].reward == 99.0
    assert ask_pool(Weighted((("louder", louder, 0.5),)), "42", workers=1)[0].reward == 49.5


@dataclass(frozen=True, slots=True)
class Forgetful:
    """Asks somebody whom it does not list."""

    asks: object
    verifiers: tuple = ()

    def asking(self):
        return (yield self.asks)

    def __call__(self, problem, completion):
        raise AssertionError


@pytest.mark.parametrize("part", [elsewhere, Many([])])
def test_whoever_is_asked_has_to_be_listed(part):
    with pytest.raises(RewardError, match="is not among its `verifiers`"):
        ask_pool(Forgetful(part), "a")
    assert ask_pool(Forgetful(part, (part,)), "a", workers=1)[0].reward


def leaves_now(problem, completion):
    raise SystemExit


@pytest.mark.parametrize("workers", [0, 1])
def test_what_breaks_off_leaves_nobody_waiting(workers):
    class Breaking:
        verifiers = ()

        def asking(self):
            raise OSError("gone")
            yield

    with pytest.raises(RewardError, match="'Breaking' raised OSError on problem p: gone"):
        ask_pool(Breaking(), "a", workers=workers)

    class Partless(Breaking):
        def asking(self):
            return Verdict(1.0, None)
            yield

    with pytest.raises(RewardError, match="'Partless' raised AttributeError"):
        ask_pool(Partless(), "a", workers=workers)
    with pytest.raises(RewardError, match=r"called sys\.exit\(\) on problem p, which"):
        ask_pool(leaves_now, "a", workers=workers)
