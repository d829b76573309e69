"""The names of a function's parameters decide how it is called, or that it is not."""

import asyncio
import functools
from typing import Any

import pytest

import paceline
from paceline.errors import ConfigError, RewardError
from paceline.tasks import Task, Template
from paceline.types import Completion, Problem, Verdict
from paceline.verify import Gate, LastNumber, Product, Tags, Weighted, adapt, judge
from paceline.verify.calling.signatures import SIGNATURES

PROBLEM = Problem("p", "What is 30 + 4?", "34", {"level": 2})
RIGHT = Completion((1,), (-1.0,), "34", "stop")


def said(function: Any) -> float:
    return judge(adapt(function), PROBLEM, RIGHT).reward


def same(problem: Any, completion: Any) -> float:
    """0.5 for the two nouns in their places."""
    return 0.5 if (problem, completion) == (PROBLEM, RIGHT) else 0.0


class Judge:
    def method(self, completion, problem):
        return same(problem, completion)

    def __call__(self, problem, completion):
        return same(problem, completion)


def turned_about(completion, problem):
    return same(problem, completion)


def keywords(*, completion, problem):
    return same(problem, completion)


def places(completion, problem, /):
    return same(problem, completion)


def with_more(problem, completion, scale=1.0, *rest, **others):
    return same(problem, completion) if not rest and not others else 0.0


def after_a_default(problem, scale=1.0, completion=None):
    return same(problem, completion)


def annotated(a: Completion, b: "paceline.Problem"):
    return same(b, a)


def unused(_problem, completion):
    return same(_problem, completion)


@functools.wraps(turned_about)
def wrapped(*args, **kwargs):
    return turned_about(*args, **kwargs)


@pytest.mark.parametrize(
    "function",
    [
        same, turned_about, keywords, places, with_more, after_a_default, annotated, unused,
        wrapped, Judge(), Judge().method, functools.partial(turned_about),
        functools.partial(with_more, scale=2.0),
        lambda p, c: same(p, c), lambda c, p: same(p, c), lambda _, completion: same(_, completion),
        lambda completion, _: same(_, completion), lambda _, __: same(_, __),
    ],
)  # fmt: skip
def test_a_problem_and_a_completion_have_their_names(function):
    assert said(function) == 0.5


def no_wraps(*args, **kwargs):
    return turned_about(*args, **kwargs)


@pytest.mark.parametrize(
    ("function", "takes"),
    [
        (lambda completion, answer: 1.0, "completion, answer"),
        (lambda text, label: 1.0, "text, label"),
        (lambda prompt, completion: 1.0, "prompt, completion"),
        (lambda x, y: 1.0, "x, y"),
        (lambda completion: 1.0, "completion"),
        (lambda problem: 1.0, "problem"),
        (lambda problem, completion, tokenizer: 1.0, "problem, completion, tokenizer"),
        (Judge.__call__, "self, problem, completion"),
        (no_wraps, "*args, **kwargs"),
        (lambda **columns: 1.0, "**columns"),
        (lambda: 1.0, ""),
    ],
)
def test_what_the_names_do_not_say_is_refused(function, takes):
    with pytest.raises(ConfigError) as refused:
        adapt(function)
    assert f" takes ({takes}), and the names decide how it is called; a reward takes " in (
        str(refused.value)
    )
    for signature in SIGNATURES:
        assert signature in str(refused.value)
    assert ("functools.wraps" in str(refused.value)) == (
        takes in ("*args, **kwargs", "**columns", "")
    )


def test_a_text_is_no_completion():
    def texts(problem: dict, completion: "str"):
        return float(completion == problem["answer"])

    with pytest.raises(
        ConfigError, match=r"'problem' is not a dict: it is a Problem, with its problem\.pr"
    ):
        adapt(texts)

    def one(problem, completion: list[dict[str, str]]):
        return 1.0

    with pytest.raises(
        ConfigError, match=r"'completion' is not a list.*: it is a Completion, with its co"
    ):
        adapt(one)


@pytest.mark.parametrize("thing", ["exact", 3, None])
def test_what_is_no_function_is_refused(thing):
    with pytest.raises(ConfigError, match="A reward is a function or a verifier, not "):
        adapt(thing)


def test_a_function_that_does_not_say_what_it_takes_is_refused():
    with pytest.raises(ConfigError, match=r"'max' does not say what it takes; call it in a func"):
        adapt(max)


def test_a_function_of_verls_gets_what_it_names():
    # As verl's own gsm8k.compute_score: verl itself would hand it four arguments.
    def compute_score(solution_str, ground_truth, method="strict", score=1.0):
        return score if (solution_str, ground_truth, method) == ("34", "34", "strict") else 0.0

    def everything(**given):
        return 1.0

    def four(solution_str, **rest):
        return float(sorted(rest) == ["data_source", "extra_info", "ground_truth"])

    assert said(compute_score) == said(four) == 1.0
    with pytest.raises(
        ConfigError, match=r"\(solution_str, tokenizer\), and nothing is known by t"
    ):
        adapt(lambda solution_str, tokenizer: 1.0)
    with pytest.raises(ConfigError):
        adapt(everything)


def test_functions_of_lists_are_called_by_their_names_too():
    def turned(labels, queries):
        return [float((labels, queries) == (["34"], ["What is 30 + 4?34"]))]

    def responses(responses, answer):
        return [float((responses, answer) == (["34"], "34"))]

    def many(completions, problems):
        return [same(p, c) for p, c in zip(problems, completions, strict=True)]

    assert said(turned) == said(responses) == 1.0
    assert said(many) == 0.5
    with pytest.raises(ConfigError, match="nothing is known by the name 'reference' beside 'que"):
        adapt(lambda queries, prompts, reference: [1.0])


def test_columns_may_have_any_name_but_have_to_be_there():
    assert said(lambda completions, problem=None, level=0: [float(level[0])]) == 2.0
    with pytest.raises(RewardError, match="wants the column 'problem'"):
        said(lambda completions, problem: [1.0])


# Parts ------------------------------------------------------------------------------------------


def columns(completions, level, **rest):
    return [0.25 * level[0] for _ in completions]


def score(solution_str, ground_truth):
    return {"score": 0.5, "acc": solution_str == ground_truth}


async def later(completion, problem):
    await asyncio.sleep(0)
    return same(problem, completion)


@pytest.mark.parametrize("function", [columns, score, later, turned_about])
def test_a_part_may_have_any_signature(function):
    assert judge(Weighted((("a", function, 3.0),)), PROBLEM, RIGHT).reward == 1.5
    assert judge(Product((("a", function), ("b", LastNumber()))), PROBLEM, RIGHT).reward == 0.5
    assert judge(LastNumber() & function, PROBLEM, RIGHT).reward == 0.5
    # Only the one that says so is right with half of the marks.
    assert judge(function & LastNumber(), PROBLEM, RIGHT).correct is (function is score)
    assert judge(Gate(LastNumber(), function), PROBLEM, RIGHT).parts["gate"] == 1.0


def test_a_part_that_cannot_be_called_is_refused_where_it_is_written():
    for make in (
        lambda f: Weighted((("a", f, 1.0),)), lambda f: Product((("a", f),)), lambda f: Tags() & f,
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=r"takes \(text, label\)"):
            make(lambda text, label: 1.0)


def test_a_task_takes_a_function_of_any_signature():
    task = Task("mine", (PROBLEM,), (), Template(), score)
    assert judge(task.verifier, PROBLEM, RIGHT) == Verdict(
        0.5, {"acc": 1.0}, "scored by 'score' (test_signatures.py)", True
    )


# A notebook ---------------------------------------------------------------------------------------


async def many_later(problems, completions):
    return [await later(c, p) for p, c in zip(problems, completions, strict=True)]


class LaterOf:
    async def batch(self, problems, completions):
        return await many_later(problems, completions)


@pytest.mark.parametrize("function", [later, many_later, LaterOf(), lambda p, c: later(c, p)])
def test_async_functions_have_a_loop_also_where_one_is_running(function):
    async def cell():
        return said(function)

    assert said(function) == asyncio.run(cell()) == 0.5


def test_what_an_async_function_raises_in_a_running_loop_is_its_own():
    async def fails(problem, completion):
        raise KeyError("no such column")

    async def cell():
        return said(fails)

    with pytest.raises(RewardError, match=r"raised KeyError on problem p: 'no such column'"):
        asyncio.run(cell())
