"""The arithmetic task."""

from typing import Any

import pytest

from paceline import rng
from paceline.errors import ConfigError
from paceline.tasks import Arithmetic
from paceline.types import Completion, Problem
from paceline.verify import judge


def of(problems: Any) -> set[tuple[int, str, int]]:
    return {(p.data["a"], p.data["operator"], p.data["b"]) for p in problems}


def test_the_default_is_every_two_digit_sum_once() -> None:
    task = Arithmetic().load()
    everything = {(a, "+", b) for a in range(10, 100) for b in range(10, 100)}
    assert of(task.train) | of(task.heldout) == everything
    assert len(task.train) + len(task.heldout) == 8100
    assert len(task.heldout) == 807  # Fixed: accuracy figures are of these.
    assert task.name == "arithmetic"


def test_a_problem() -> None:
    found = {p.id: p for side in ("train", "heldout") for p in getattr(Arithmetic().load(), side)}
    data = {"a": 47, "operator": "+", "b": 56}
    assert found["47+56"] == Problem("47+56", "What is 47 + 56?", "103", data)


def test_swapped_operands_are_on_the_same_side() -> None:
    task = Arithmetic(("+", "*"), low=0, high=30).load()
    held = of(task.heldout)
    assert all((b, operator, a) in held for a, operator, b in held)
    assert any(a != b for a, _, b in held)


def test_every_right_answer_scores_and_its_neighbour_does_not() -> None:
    task = Arithmetic(("+", "-", "*"), low=-5, high=12).load()
    compute = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}
    for problem in task.train + task.heldout:
        a, operator, b = problem.data.values()
        right = compute[operator](a, b)
        for said in {right, right + 1, -right}:
            answer = Completion((), (), f"It is {said}.", "stop")
            verdict: Any = task.verifier(problem, answer)
            assert verdict.reward == (said == right), (problem, said)


def test_the_held_out_side_does_not_depend_on_the_seed_or_the_number() -> None:
    few = Arithmetic(low=0, high=99, problems=2000, seed=1).load()
    many = Arithmetic(low=0, high=99, problems=10_000, seed=2).load()
    assert of(few.train) <= of(many.train)
    assert of(few.heldout) <= of(many.heldout)
    assert 120 <= len(few.heldout) <= 280


def test_a_large_range_is_sampled_by_the_seed() -> None:
    def load(seed: int) -> Any:
        return Arithmetic(("+", "-", "*"), low=0, high=999_999, problems=300, seed=seed).load()

    first, again, other = load(0), load(0), load(1)
    assert first == again
    assert len(of(first.train) | of(first.heldout)) == 300
    assert not of(first.train) & of(other.train)
    for operator in "+-*":  # 100 ± 8 of each.
        assert 60 < sum(o == operator for _, o, _ in of(first.train + first.heldout)) < 140
    operands = [x for a, _, b in of(first.train + first.heldout) for x in (a, b)]
    assert 450_000 < sum(operands) / len(operands) < 550_000  # Standard error 12,000.


def test_a_middling_range_is_cut_to_the_number() -> None:
    task = Arithmetic(low=0, high=19, problems=150).load()
    assert len(of(task.train) | of(task.heldout)) == 150
    assert any(a > 15 for a, _, _ in of(task.train))  # Not merely the first ones.


def test_negative_answers_can_be_left_out() -> None:
    with_them = Arithmetic(("-",), low=1, high=9).load()
    without = Arithmetic(("-",), low=1, high=9, negative=False).load()
    assert len(with_them.train) + len(with_them.heldout) == 81
    assert len(without.train) + len(without.heldout) == 45
    assert all(int(p.answer) >= 0 for p in without.train + without.heldout)
    sampled = Arithmetic(("-",), low=0, high=10**6, problems=50, negative=False).load()
    assert all(int(p.answer) >= 0 for p in sampled.train + sampled.heldout)


def test_the_first_held_out_problems_are_a_fair_sample() -> None:
    sums = [int(p.answer) for p in Arithmetic().load().heldout[:200]]
    assert 100 < sum(sums) / 200 < 118  # Mean 109, standard error 2.6.


def test_a_number_can_be_held_out_and_the_wording_chosen() -> None:
    task = Arithmetic(
        low=0, high=9, heldout=20, question="{a}{operator}{b}=", system="Count.", user="{prompt} ?"
    ).load()
    assert len(task.heldout) in (20, 21)
    problem = next(p for p in task.train if p.id == task.train[0].id)
    a, _, b = problem.data.values()
    assert [m["content"] for m in task.messages(problem)] == ["Count.", f"{a}+{b}= ?"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"operators": ("+", "/")}, r"task.operators is \(\+, /\); it takes"),
        ({"operators": ()}, "task.operators"),
        ({"operators": ("+", "+")}, "each once"),
        ({"low": 5, "high": 4}, "task.low is 5 and task.high is 4"),
        ({"high": 10**10}, "neither beyond 1,000,000,000"),
        ({"problems": 0}, "task.problems is 0"),
        ({"question": "What is {a} + {b}?"}, r"has no \{operator\}"),
        ({"user": "Hello."}, r"has no \{prompt\}"),
        ({"low": -9, "high": -1, "negative": False}, "set task.negative=true"),
        ({"low": -(10**9), "high": -1, "negative": False, "problems": 9}, "set task.negative=true"),
        ({"heldout": -1}, "heldout is -1"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Arithmetic(**options).load()


def test_a_cut_answer_can_be_allowed() -> None:
    cut = Completion((), (), "103", "length")
    for allowed in (False, True):
        task = Arithmetic(allow_cut=allowed).load()
        verdict: Any = task.verifier(Problem("p", "?", "103"), cut)
        assert verdict.solved == allowed


def test_few_draws_are_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    choice = rng.choice
    monkeypatch.setattr(rng, "choice", lambda *words: drawn.append(1) or choice(*words))
    task = Arithmetic(("+",), low=0, high=63, problems=1000).load()
    assert len(task.train) + len(task.heldout) == 1000
    # 1,000 of 4,096 take Σ 4096 / (4096 − k) draws for k = 0 … 999: 4096 · ln(4096/3096) = 1,147.
    assert 1000 <= len(drawn) < 1250
    drawn.clear()
    Arithmetic(("+",), low=0, high=62, problems=1000).load()  # few enough to be listed
    assert drawn == []


def test_by_program_the_printed_number_counts() -> None:
    task = Arithmetic(("*", "-"), low=100, high=120, style="program", problems=20).load()
    assert task.gold is not None
    for problem in task.train[:5]:
        gold = judge(task.verifier, problem, Completion((), (), task.gold(problem) or "", "stop"))
        assert gold.reward == pytest.approx(task.full) and gold.solved
        number = Completion((), (), problem.answer, "stop")
        assert not judge(task.verifier, problem, number).solved
    wrong = judge(
        task.verifier, task.train[0], Completion((), (), "```python\nprint(1)\n```", "stop")
    )
    assert (wrong.reward, wrong.solved) == (pytest.approx(0.1), False)
    failing = Completion((), (), "```python\n1 / 0\n```", "stop")
    assert judge(task.verifier, task.train[0], failing).reward == pytest.approx(-0.1)
    asked = task.messages(task.train[0])[0]["content"]
    assert asked.startswith("What is ") and "```python" in asked
    with pytest.raises(ConfigError, match="number or program"):
        Arithmetic(style="words").load()  # type: ignore[arg-type]
