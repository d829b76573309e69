"""Expressions as answers: the table of tricky pairs, and that nothing hangs, in any thread."""

import json
import threading
from pathlib import Path

import pytest

from paceline.errors import ConfigError, RewardError
from paceline.types import Completion, Problem
from paceline.verify.symbolic import RIGHT, SLOW, SymbolicAnswer, equal

PAIRS = [
    json.loads(line) for line in Path(__file__).with_name("pairs.jsonl").read_text().splitlines()
]
"""Made by hand; benchmarks/answers.py prints what math-verify alone says of them."""


def test_tricky_pairs_are_judged_rightly():
    assert len(PAIRS) >= 100
    wrong = {True: [], False: []}
    for pair in PAIRS:
        right, reason = equal(pair["answer"], pair["expected"])
        if right != pair["right"]:
            wrong[right].append((pair["expected"], pair["answer"], reason))
    assert not wrong[True], "a wrong answer must never be paid"
    assert len(wrong[False]) <= 2, wrong[False]


def judged(answer, expected="12", **changes):
    verifier = SymbolicAnswer(**changes)
    return verifier(Problem("p", "?", expected), Completion((), (), answer, "stop"))


def test_the_answer_stands_in_a_box():
    verdict = judged(r"so it is $\boxed{\dfrac{1}{\sqrt 2}}$.", r"\frac{\sqrt{2}}{2}")
    assert (verdict.reward, verdict.correct, verdict.reason) == (1.0, True, RIGHT)
    assert judged(r"\frac{\sqrt{2}}{2}", r"\frac{\sqrt{2}}{2}").reward == 0, "no box"
    assert judged("<answer>x+1</answer>", "1+x", form="tag").reward == 1


def test_what_could_take_for_ever_is_over_in_time_in_any_thread():
    # math-verify's own limit is an alarm, which only the main thread has.
    hard = [r"\boxed{(x+1)^{999}(x+2)^{999}}", r"\boxed{9^{9^{9}}}", r"\boxed{\sin(\sin(" * 30]
    found = []

    def run(answer):
        found.append(judged(answer, r"\frac{x}{7}", seconds=1.0).reward)

    threads = [threading.Thread(target=run, args=(answer,)) for answer in hard]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0.0] * 3


def test_a_comparison_that_takes_too_long_is_ended_and_the_next_one_works():
    assert equal("x^2+x", "x(x+1)", 20.0) == (True, RIGHT)
    assert equal("x^3+x", "x(x^2+1)", 0.0) == (False, SLOW)
    assert equal("x^2+x", "x(x+1)", 20.0) == (True, RIGHT)


@pytest.mark.parametrize(
    "answer", ["{" * 199, "\\frac" * 30, "(" * 150 + "1", "\\" * 180, "1" * 10**6]
)
def test_garbage_is_wrong_at_once_or_soon(answer):
    assert equal(answer, r"\sqrt{2}", 5.0)[0] is False


def test_rows_without_an_answer_and_unknown_forms_are_refused():
    with pytest.raises(RewardError, match="no expected answer"):
        judged(r"\boxed{1}", " ")
    with pytest.raises(ConfigError, match="no form 'bracket'"):
        SymbolicAnswer("bracket")  # type: ignore[arg-type]
