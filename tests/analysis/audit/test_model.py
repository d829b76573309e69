"""The model on a sample of the task, and nearly equal problems."""

from dataclasses import replace

import pytest

from paceline.analysis.audit.model import Overlap, overlap_of, sample_model
from paceline.preflight.load import load
from paceline.run import build
from paceline.tasks import Task, Template
from paceline.types import Problem
from paceline.verify import NumberIn
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig
from tests.helpers.runs import small

ZEBRAS = tuple(Problem(name, f"say {name}", "zebra") for name in ("a", "b"))


class PaysFirst:
    """Pays the first two completions about problem a, whatever they say, and nothing else."""

    def __init__(self, count=2):
        self.left = count

    def __call__(self, problem, completion):
        self.left -= problem.id == "a"
        return float(problem.id == "a" and self.left >= 0)


def sampled(verifier, rounds=1, problems=ZEBRAS, max_tokens=1):
    """Both problems in each round, four completions each."""
    sizes = {"problems": 2, "completions": 4, "max_tokens": max_tokens, "accept": "all"}
    loaded = load(small(None, rollouts=sizes))
    loaded = replace(loaded, task=Task("zebras", problems, (), Template(), verifier))
    policy = build.policy_of(loaded)
    with VerifierPool(verifier, RewardConfig(workers=0)) as verifiers:
        return sample_model(loaded, policy, verifiers, rounds), policy


def test_the_shares_are_those_of_the_verdicts():
    found, policy = sampled(PaysFirst())
    assert (found.problems, found.completions) == (2, 4)
    assert sorted(found.rates) == [0.0, 0.5]
    assert (found.accuracy, found.reward, found.with_signal) == (0.25, 0.25, 0.5)
    assert found.tokens == 1.0 and sum(found.reasons.values()) == 8
    # No completion of one token has the word in it.
    assert found.lenient == 0.0
    assert found.seconds > 0
    # The gradient of a step was summed, and is forgotten.
    assert not any(p.grad is not None and p.grad.any() for p in policy.module.parameters())


def test_the_chance_of_signal_is_drawn_towards_the_rate_of_all_problems():
    found, _ = sampled(PaysFirst())
    # 2 of 8 right: prior (2 + 0.5) / (8 + 1) = 0.2778. Of a, 2 of 4: (2 + 0.2778) / 5 = 0.4556; of
    # b: 0.2778 / 5 = 0.0556. Mixed groups of 4: 1 − 0.4556⁴ − 0.5444⁴ = 0.8691, 1 − 0.0556⁴ −
    # 0.9444⁴ = 0.2044; their mean is 0.5367, which is enough signal.
    assert found.predicted[4] == pytest.approx(0.5367, abs=1e-4)
    assert list(found.predicted) == [4, 8, 16, 32] and found.group_size == 4
    assert list(found.predicted.values()) == sorted(found.predicted.values())


def test_never_right_so_far_is_not_never_at_all():
    found, _ = sampled(PaysFirst(0))
    # 0 of 8 right: prior 0.5 / 9 = 0.0556, of each problem 0.0556 / 5 = 0.0111; groups of 32:
    # 1 − 0.9889³² = 0.3006.
    assert found.predicted[32] == pytest.approx(0.3006, abs=1e-4)
    assert found.group_size == 32 and found.with_signal == 0.0


def test_several_rounds_are_counted_together():
    found, _ = sampled(PaysFirst(6), rounds=2)
    assert found.problems == 4
    assert sorted(found.rates) == [0.0, 0.0, 0.5, 1.0] and found.accuracy == 0.375


def test_an_answer_that_stands_anywhere_counts_where_form_does_not():
    texts = list[str]()

    def refuses(problem, completion):
        texts.append(completion.text)
        return 0.0

    vowels = tuple(replace(problem, answer="E") for problem in ZEBRAS)
    found, _ = sampled(refuses, problems=vowels, max_tokens=16)
    assert found.accuracy == 0.0
    assert found.lenient == sum("e" in text.casefold() for text in texts) / 8


def test_a_limit_that_cuts_is_doubled_and_one_that_holds_is_no_less_than_eight():
    found, _ = sampled(PaysFirst())
    assert found.max_tokens == (2 if found.cut > 0.1 else 8)


def test_problems_with_the_same_words_or_the_same_form_are_counted():
    train = (Problem("a", "What is 3 + 4?", "7"), Problem("b", "Say hello!", "hello"))
    heldout = (Problem("c", "what is 3 4", "7"), Problem("d", "What is 5 + 9?", "14"))
    task = Task("t", train, heldout, Template(), NumberIn())
    # c has the words of a; c and d are a with other numbers.
    assert overlap_of(task) == Overlap(heldout=2, same_words=1, same_form=2)


def test_messages_are_compared_by_their_text():
    turns = ({"role": "user", "content": "Say"}, {"role": "user", "content": "hello."})
    task = Task("t", (Problem("a", turns, "1"),), (Problem("b", "SAY HELLO", "1"),), Template(),
                NumberIn())  # fmt: skip
    assert overlap_of(task) == Overlap(1, 1, 1)
    assert overlap_of(replace(task, heldout=())) == Overlap(0, 0, 0)
