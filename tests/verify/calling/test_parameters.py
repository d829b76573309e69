"""The names of a function's parameters say which of the two nouns each is given."""

import functools

import pytest

import paceline
from paceline.types import Completion
from tests.helpers.rewards import said, same, turned_about


class Judge:
    def method(self, completion, problem):
        return same(problem, completion)

    def __call__(self, problem, completion):
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
