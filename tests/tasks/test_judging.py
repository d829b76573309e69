"""The reward that options name."""

import pytest

from paceline.errors import ConfigError, RewardError
from paceline.tasks.expected import Expected
from paceline.tasks.judging import Judging, judgeable
from paceline.types import Problem
from paceline.verify import LastNumber, NumberIn
from paceline.verify.calling.missing import NotHere


def test_a_name_says_what_it_compares_with() -> None:
    hashes = Judging("hashes", "solution", "####")
    assert hashes.expected == Expected("solution", "####", "number")
    assert hashes.verifier() == NumberIn("hashes") and not hashes.is_own
    assert Judging("last_number", "a", allow_cut=True).verifier() == LastNumber(True)
    assert Judging("exact", "a").answer_is == "text"


def test_a_reward_of_ones_own_takes_any_answer(tmp_path) -> None:
    (tmp_path / "own.py").write_text("def reward(problem, completion):\n    return 0.5\n")
    own = Judging(f"{tmp_path}/own.py:reward", None)
    own.check()
    assert own.is_own and own.named is None and own.answer_is == "anything"
    assert own.verifier()(Problem("p", "?"), None) == 0.5
    assert Judging("<python>:mine", None).verifier() == NotHere("mine")
    assert Judging(NumberIn("boxed"), None).verifier() == NumberIn("boxed")


@pytest.mark.parametrize(
    ("judging", "sentence"),
    [
        (Judging("hashes", None), r"task\.answer is none, and task\.reward=hashes compares with"),
        (Judging("near_fifty", None, "####"), r"answer_after would change nothing: there is no"),
        (Judging("a.py:f", "a", allow_cut=True), r"task\.allow_cut would change nothing: a reward"),
    ],
)
def test_options_that_do_not_fit(judging: Judging, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        judging.check()


def test_an_unknown_name_brings_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no reward 'hashs'\. Did you mean 'hashes'"):
        Judging("hashs", "a").verifier()


def test_an_expected_answer_must_earn_full_marks_itself() -> None:
    check = judgeable(NumberIn("boxed"), lambda problem: f"\\boxed{{{problem.answer}}}", 1.0)
    check(Problem("p", "?", "4"))
    with pytest.raises(RewardError, match="is not a plain number"):
        check(Problem("p", "?", "four"))
    with pytest.raises(RewardError, match=r"problem p itself, '4', earns 1 of 2 \("):
        judgeable(LastNumber(), lambda problem: problem.answer, 2.0)(Problem("p", "?", "4"))
    judgeable(LastNumber(), lambda problem: None, 2.0)(Problem("p", "?", "4"))
