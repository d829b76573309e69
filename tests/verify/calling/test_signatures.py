"""The names of a function's parameters decide how it is called, or that it is not."""

import pytest

from paceline.errors import ConfigError, RewardError
from paceline.tasks import Task, Template
from paceline.types import Verdict
from paceline.verify import LastNumber, adapt, judge
from paceline.verify.calling.signatures import SIGNATURES
from tests.helpers.rewards import PROBLEM, RIGHT, said, same, turned_about


class Judge:
    def __call__(self, problem, completion):
        return same(problem, completion)


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


def score(solution_str, ground_truth):
    return {"score": 0.5, "acc": solution_str == ground_truth}


def test_a_task_takes_a_function_of_any_signature():
    task = Task("mine", (PROBLEM,), (), Template(), score)
    assert judge(task.verifier, PROBLEM, RIGHT) == Verdict(
        0.5, {"acc": 1.0}, "scored by 'score' (test_signatures.py)", True
    )


def test_a_plain_function_and_a_verifier_pass_as_they_are():
    plain, verifier = same, LastNumber()
    assert adapt(plain) is plain
    assert adapt(verifier) is verifier


def test_other_signatures_and_classes_are_refused():
    with pytest.raises(ConfigError, match=r"'<lambda>' .* takes \(one\), and the names decide "):
        adapt(lambda one: 1.0)
    with pytest.raises(ConfigError, match="'LastNumber' is a class"):
        adapt(LastNumber)
