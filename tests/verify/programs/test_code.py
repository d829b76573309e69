"""Programs judged by what they print, in the real sandbox."""

import pytest

from paceline.errors import RewardError
from paceline.types import Problem
from paceline.verify.programs.code import (
    NO_OUTPUT,
    NOT_A_NUMBER,
    RIGHT_NUMBER,
    SEVERAL_LINES,
    WRONG_NUMBER,
    Cases,
    PrintedAnswer,
)
from paceline.verify.programs.program import Running
from tests.helpers.verdicts import fenced, judged

OWN_KIND = "the program raised an error that is not one of Python's own"


@pytest.mark.parametrize("code", ["exit()", "quit()", "exit(0)", "quit(code=None)", "exit"])
def test_exit_and_quit_end_a_program(code):
    assert judged(PrintedAnswer(), fenced(f"print(42)\n{code}\nif True: pass")).reward == 1
    ended = judged(PrintedAnswer(), fenced(f"{code}\nprint(42)"))
    assert ended.reason == (RIGHT_NUMBER if code == "exit" else NO_OUTPUT)


def test_an_exit_with_a_status_is_a_failure():
    reason = "the program ended with a status that is not 0"
    assert judged(PrintedAnswer(), fenced("print(42); exit(3)")).reason == reason
    assert judged(PrintedAnswer(), fenced("print(42); quit('no')")).reason == reason


@pytest.mark.parametrize(
    ("code", "reward", "reason"),
    [
        ("print(6 * 7)", 1.0, RIGHT_NUMBER),
        ("print(84 / 2)", 1.0, RIGHT_NUMBER),
        ("print(41)", 0.0, WRONG_NUMBER),
        ("print(42.00000000000001)", 1.0, RIGHT_NUMBER),
        ("print(0.1 * 3 * 140)", 1.0, RIGHT_NUMBER),
        ("print(42.001)", 0.0, WRONG_NUMBER),
        ("print('42.0.0')", 0.0, NOT_A_NUMBER),
        ("print('42 apples')", 0.0, NOT_A_NUMBER),
        ("x = 42", 0.0, NO_OUTPUT),
        ("for i in range(100): print(i)", 0.0, SEVERAL_LINES),
        ("print(1 / 0)", 0.0, "the program raised ZeroDivisionError"),
        ("def f(:", 0.0, "the program raised SyntaxError"),
        ("raise type('E' * 60_000, (Exception,), {})", 0.0, OWN_KIND),
        ("class Mine(Exception): pass\nraise Mine('no')", 0.0, OWN_KIND),
        ("import json\njson.loads('{')", 0.0, OWN_KIND),
        ("while True: pass", 0.0, "the program ran longer than its time limit"),
        ("import os; os._exit(0)", 0.0, NO_OUTPUT),
        ("class A(int):\n    __eq__ = lambda *_: True\nprint(A(7))", 0.0, WRONG_NUMBER),
        ("import sys; sys.stdout.write('42'); sys.exit(1)", 0.0,
         "the program ended with a status that is not 0"),
    ],
)  # fmt: skip
def test_the_printed_number_counts(code, reward, reason):
    verdict = judged(PrintedAnswer(running=Running(seconds=0.7)), fenced(code))
    assert (verdict.reward, verdict.reason) == (reward, reason)
    assert verdict.correct == (reward == 1.0)


@pytest.mark.parametrize(
    ("shown", "expected", "right"),
    [
        ("229.99999999999997", "230", True), ("0.3333333333333333", "1/3", True),
        ("100000000000.4999", "100000000000", False), ("1e-17", "0", False),
        ("3.14159265358979", "3.14159265358979", True), ("0.333333", "1/3", False),
        ("123456789012345.0", "123456789012345", True),
        ("123456789012345.0", "123456789012000", False),
        ("\u22120.33333333333333331", "5", False), ("123456789/1234567.", "5", False),
    ],
)  # fmt: skip
def test_a_float_is_the_number_that_it_came_from(shown, expected, right):
    verdict = judged(PrintedAnswer(), fenced(f"print({shown!r})"), expected)
    assert verdict.solved == right


def test_of_many_lines_the_last_one_counts_where_that_is_asked_for():
    text = fenced("print('so')\nprint(42)")
    assert judged(PrintedAnswer(), text).reward == 0
    assert judged(PrintedAnswer(last_line=True), text).reward == 1


CASES = [{"stdin": "1 2", "stdout": "3"}, {"stdin": "4 5", "stdout": "9\n"}]
ADD = fenced("a, b = map(int, input().split())\nprint(a + b)")


def test_every_case_has_to_hold():
    assert judged(Cases(), ADD, cases=CASES).reward == 1.0
    wrong = fenced("input(); print(3)")
    assert judged(Cases(), wrong, cases=CASES).reward == 0.0
    half = judged(Cases(strict=False), wrong, cases=CASES)
    assert (half.reward, half.reason, half.correct) == (0.5, "another output", False)
    assert "raised EOFError" in judged(Cases(), fenced("input(); input()"), cases=CASES).reason
    trailing = fenced("a, b = map(int, input().split())\nprint(a + b, '  ')\nprint()")
    assert judged(Cases(), trailing, cases=CASES).reward == 1.0


@pytest.mark.parametrize("name", ["stdin", "stdout"])
@pytest.mark.parametrize("wrong", [None, True, {"a": 1}, [["3"], ["4"]], ["3", None]])
def test_what_is_no_text_and_no_lines_is_no_case(name, wrong):
    case = {"stdin": "1 2", "stdout": "3", name: wrong}
    with pytest.raises(
        RewardError, match=f"The {name} of a case of problem p is not a text or a list"
    ):
        Cases().check_problem(Problem("p", "?", "", {"cases": [case]}))


def test_lists_are_lines_and_numbers_their_digits():
    both = fenced("print(int(input()) + int(input()))\nprint('end')")
    for case in (
        {"stdin": ["3", "4"], "stdout": ["7", "end"]},
        {"stdin": [3, 4], "stdout": ["7\n", "end\n"]},
        {"stdin": "3\n4\n", "stdout": "7\nend"},
    ):
        assert judged(Cases(), both, cases=[case]).reward == 1.0
    assert judged(Cases(), fenced("print(input())"), cases=[{"stdin": 5, "stdout": 5}]).reward == 1
