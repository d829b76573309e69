"""Evaluation with the scripted engine, so that every figure can be worked out by hand."""

import pytest

from paceline import rng
from paceline.engine import Sampling, ScriptedEngine
from paceline.errors import ConfigError
from paceline.tasks import Task, Template
from paceline.training import evaluate
from paceline.types import Problem
from paceline.verify import LastNumber

HELDOUT = tuple(Problem(f"h{i}", f"say {i}", str(i)) for i in range(4))
TASK = Task("say", (Problem("t", "say 9", "9"),), HELDOUT, Template(), LastNumber())


def figures(policy, script, completions=1, problems=4, task=TASK):
    engine = ScriptedEngine(script, policy.tokenizer, 2)
    return evaluate(
        policy, engine, task, Sampling(8), problems=problems, completions=completions, seed=7
    )[0]


def asked(policy, prompt_ids):
    """The digit that a rendered prompt asks for."""
    text = policy.tokenizer.decode(prompt_ids)
    return text.split("say ")[1][0]


def test_accuracy_by_hand(policy):
    # Always right but for problem 2.
    evaluation = figures(policy, lambda p, _: "7" if asked(policy, p) == "2" else asked(policy, p))
    assert evaluation.n == 4
    assert evaluation.greedy_accuracy == evaluation.sampled_accuracy == 0.75
    low, high = evaluation.intervals["greedy_accuracy"]
    assert low < 0.75 < high and evaluation.cut == 0


def test_pass_at_k_by_hand(policy):
    # Of the four sampled answers to each problem, the first two are right.
    def right(i):
        return {rng.key(7, "evaluate", i, k) for k in range(2)}

    def script(prompt, stream):
        digit = asked(policy, prompt)
        return digit if stream in right(int(digit)) else "x"

    evaluation = figures(policy, script, completions=4)
    assert evaluation.sampled_accuracy == 0.5
    # 2 of 4 right: 1 − C(2,2)/C(4,2) = 5/6.
    assert evaluation.pass_at == pytest.approx({1: 0.5, 2: 5 / 6, 4: 1.0})


def test_cut_answers_are_counted(policy):
    evaluation = figures(policy, lambda p, _: "one two three")
    assert evaluation.cut == 1.0 and evaluation.sampled_accuracy == 0


def test_fewer_held_out_problems_than_asked_for(policy):
    assert figures(policy, lambda p, _: "1", problems=100).n == 4


def test_what_cannot_be_evaluated_is_refused(policy):
    empty = Task("say", TASK.train, (), Template(), LastNumber())
    with pytest.raises(ConfigError, match="no held-out problems"):
        figures(policy, lambda p, _: "1", task=empty)
    with pytest.raises(ConfigError, match="temperature"):
        evaluate(policy, None, TASK, Sampling(8, temperature=0), problems=1)
