"""Lists of test cases in rows, and when to stop running them."""

import pytest

from paceline.errors import RewardError
from paceline.verify.programs.asserts import Asserts
from paceline.verify.programs.code import Cases
from paceline.verify.programs.program import Running
from paceline.verify.programs.sandbox import Sandbox
from tests.helpers.verdicts import fenced, judged

CASES = [{"stdin": "1 2", "stdout": "3"}, {"stdin": "4 5", "stdout": "9\n"}]
ADD = fenced("a, b = map(int, input().split())\nprint(a + b)")


def test_one_that_is_too_slow_is_not_tried_on_every_case(monkeypatch):
    runs, run = [], Sandbox.run
    monkeypatch.setattr(Sandbox, "run", lambda *a, **k: runs.append(1) or run(*a, **k))
    slow = Cases(strict=False, running=Running(seconds=0.3))
    assert judged(slow, fenced("while True: pass"), cases=CASES * 50).reward == 0
    assert len(runs) == 1


def test_rows_with_wrong_cases_are_refused():
    with pytest.raises(RewardError, match="p has no column 'cases'; it has \\[tests\\]"):
        judged(Cases(), ADD, tests=[])
    listless = r"a list in its column 'cases', not '\{\"inputs.*; a list is written \[\{\"stdin\": "
    with pytest.raises(RewardError, match=listless):
        judged(Cases(), ADD, cases='{"inputs": ["3\\n"], "outputs": ["7\\n"]}')
    with pytest.raises(RewardError, match=r"not 'add'; a list is written \[\"assert add\(3, 4\)"):
        judged(Asserts(), ADD, tests="add")
    with pytest.raises(RewardError, match=r"is not \{stdin, stdout\}"):
        judged(Cases(), ADD, cases=["1 2"])
