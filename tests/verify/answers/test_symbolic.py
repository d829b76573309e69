"""Expressions as answers: the table of tricky pairs, and where an answer stands."""

import json
from collections import Counter
from pathlib import Path

import pytest

from paceline.errors import ConfigError, RewardError
from paceline.types import Completion, Problem
from paceline.verify.answers.choice import Choice
from paceline.verify.answers.math import LastNumber, NumberIn
from paceline.verify.answers.symbolic import (
    EXPECTED_UNREAD,
    MAX_LENGTH,
    RIGHT,
    TOO_LONG,
    UNREAD,
    SymbolicAnswer,
    equal,
    readable,
)

PAIRS = [
    json.loads(line) for line in Path(__file__).with_name("pairs.jsonl").read_text().splitlines()
]
"""Made by hand; benchmarks/answers.py prints what math-verify alone says of them."""


def test_tricky_pairs_are_judged_rightly():
    wrong = {True: [], False: []}
    for pair in PAIRS:
        right, reason = equal(pair["answer"], pair["expected"])
        if right != pair["right"]:
            wrong[right].append((pair["expected"], pair["answer"], reason))
    assert not wrong[True], "a wrong answer must never be paid"
    assert len(wrong[False]) <= len(PAIRS) // 50, wrong[False]


def test_the_table_has_many_pairs_of_many_kinds_and_none_twice():
    assert len(PAIRS) >= 250 and len({pair["kind"] for pair in PAIRS}) >= 20
    assert max(Counter((pair["expected"], pair["answer"]) for pair in PAIRS).values()) == 1
    assert min(Counter(pair["right"] for pair in PAIRS).values()) >= 100


VERIFIERS = {
    "symbolic": SymbolicAnswer(),
    "last_number": LastNumber(),
    "boxed": NumberIn("boxed"),
    "choice boxed": Choice("boxed"),
}
EXAMINED = [
    json.loads(line) for line in Path(__file__).with_name("examined.jsonl").read_text().splitlines()
]
"""Written by somebody who had not read the verifiers, as a strict teacher marks."""


@pytest.mark.parametrize("name", sorted(VERIFIERS))
def test_rows_that_an_examiner_wrote(name):
    rows = [row for row in EXAMINED if row["verifier"] == name]
    assert {row["right"] for row in rows} == {0, 1}
    for row in rows:
        problem = Problem("p", "?", row["expected"])
        verdict = VERIFIERS[name](problem, Completion((), (), row["completion"], "stop"))
        assert verdict.reward == row["right"], (row, verdict.reason)


def judged(answer, expected="12", **changes):
    verifier = SymbolicAnswer(**changes)
    return verifier(Problem("p", "?", expected), Completion((), (), answer, "stop"))


def test_the_answer_stands_in_a_box():
    verdict = judged(r"so it is $\boxed{\dfrac{1}{\sqrt 2}}$.", r"\frac{\sqrt{2}}{2}")
    assert (verdict.reward, verdict.correct, verdict.reason) == (1.0, True, RIGHT)
    assert judged(r"\frac{\sqrt{2}}{2}", r"\frac{\sqrt{2}}{2}").reward == 0, "no box"
    assert judged("<answer>x+1</answer>", "1+x", form="tag").reward == 1
    assert judged(r"所以答案是 $\boxed{12}$。").reward == 1


@pytest.mark.parametrize(
    ("answer", "expected", "reason"),
    [
        (r"12+\foo", "12", UNREAD),
        ("1" * (MAX_LENGTH + 1), "1", TOO_LONG),
        ("7 + 5", "12", "the answer was not computed"),
        ("13", "12", "the answer does not equal the expected one"),
        (r"12\text{ cm}", r"12\text{ m}", "the answer has another unit"),
        (r"\{12\}", "12", "the answer is of another kind than the expected one"),
        ("9^{9^{9^{9}}}x", "x", "the answer is too large to be compared"),
        ("12", r"\int_0^{12} dx", EXPECTED_UNREAD),
    ],
)
def test_reasons_can_be_counted(answer, expected, reason):
    assert equal(answer, expected) == (False, reason)


def test_an_expected_answer_that_cannot_be_read_is_paid_as_it_is_written_only():
    cases = r"\begin{cases} x & x>0 \\ 0 & x\le 0\end{cases}"
    assert not readable(cases) and readable(r"\frac{1}{2}")
    assert equal(cases, cases)[0]
    assert equal(cases.replace(r"\le", r"\leq").replace(" ", "  "), cases)[0], "other spellings"
    assert not equal("x", cases)[0] and not equal(cases[:-1], cases)[0]
    # The start that can be read is not the answer.
    assert not equal("6", r"6+\foo{3}")[0]


@pytest.mark.parametrize(
    "answer",
    [
        "{" * 199, "\\frac" * 30, "(" * 150 + "1", "\\" * 180, "1" * 10**6, r"\{\pm1," * 28,
        "|" * 150, "9^{9^{9}}", r"\sin(\sin(" * 20, r"\binom{1000000000}{500000000}",
        "100000000!", "x!y!" * 49, "(x+1)^{999}(x+2)^{999}", r"\sqrt[99999999]{2}",
    ],
)  # fmt: skip
def test_hostile_answers_are_wrong_and_do_not_hang(answer):
    for expected in (r"\sqrt{2}", r"\frac{x}{7}", "12"):
        assert equal(answer, expected)[0] is False


def test_rows_without_an_answer_and_unknown_forms_are_refused():
    with pytest.raises(RewardError, match="no expected answer"):
        judged(r"\boxed{1}", " ")
    with pytest.raises(ConfigError, match="no form 'bracket'"):
        SymbolicAnswer("bracket")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (r"\cot 0", r"\sqrt{2}"), (r"\csc 0", r"\pi"), ("(1,i)", r"(1,2)\cup(3,4)"), ("x>i", "x>2"),
        (r"x\in(1,i)", "(1,2]"), (r"\{" * 30 + "1" + r"\}" * 30, r"\{" * 30 + "2" + r"\}" * 30),
        (r"\{" * 23 + "1" + r"\}" * 23, r"\{1,2\}"), ("√" * 190 + "2", r"\sqrt{2}"),
    ],
)  # fmt: skip
def test_no_answer_raises_and_none_is_compared_for_ever(answer, expected):
    assert equal(answer, expected)[0] is False


@pytest.mark.parametrize(
    "expected", ["√" * 5000 + "2", "1/" * 3000 + "1", "1," * 10000, "<a" * 10000, "$" + " " * 2000]
)
def test_long_expected_answers_are_not_read(expected):
    assert not readable(expected) and not equal("1", expected)[0]


def test_an_expected_answer_that_cannot_be_read_is_found_before_training():
    SymbolicAnswer().check_problem(Problem("p", "?", r"\frac{1}{2}"))
    with pytest.raises(RewardError, match=r"of problem p, '\\int_0\^1 x', cannot be read"):
        SymbolicAnswer().check_problem(Problem("p", "?", r"\int_0^1 x"))
    with pytest.raises(RewardError, match="no expected answer"):
        SymbolicAnswer().check_problem(Problem("p", "?", " "))
