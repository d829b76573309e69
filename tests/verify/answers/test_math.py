"""Numbers and exact texts as answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.errors import ConfigError, RewardError
from paceline.types import Completion, Problem, Verdict
from paceline.verify import ExactAnswer, LastNumber, NumberIn, judge


def said(text: str, finish: Any = "stop") -> Completion:
    return Completion((), (), text, finish)


def score(verifier: Any, text: str, answer: str, finish: Any = "stop") -> Verdict:
    return judge(verifier, Problem("p", "?", answer), said(text, finish))


# -- the last number ----------

RIGHT = "the last number is the expected answer"
WRONG = "the last number is not the expected answer"
UNCLEAR = "the last number is not written plainly"
NONE = "no number in the answer"


@pytest.mark.parametrize(
    ("text", "answer", "reason"),
    [
        ("47 + 56 = 103.", "103", RIGHT),
        ("1,030 is too much; 103.0", "103", RIGHT),
        ("0103", "103", RIGHT),
        ("It is −9.", "-9", RIGHT),
        ("103 or 104", "103", WRONG),
        ("206/2", "103", UNCLEAR),
        ("--9", "-9", UNCLEAR),
        ("--9", "9", UNCLEAR),
        ("1e999999999", "999999999", UNCLEAR),
        ("１０３", "103", UNCLEAR),
        ("103３", "103", UNCLEAR),
        ("103²", "103", UNCLEAR),
        ("I do not know", "103", NONE),
        ("", "103", NONE),
        ("<think>103</think> 5", "103", WRONG),
        ("<think>103</think>", "103", NONE),
        ("<think>it is 103", "103", "the reasoning was never closed"),
        ("it is 5</think> 103", "103", RIGHT),  # A template may open the reasoning in the prompt.
    ],
)
def test_last_number(text: str, answer: str, reason: str) -> None:
    verdict = score(LastNumber(), text, answer)
    right = reason == RIGHT
    assert verdict == Verdict(float(right), reason=reason, correct=right)


def test_a_cut_completion_scores_nothing_unless_allowed() -> None:
    for verifier in (LastNumber(), NumberIn("text"), ExactAnswer()):
        assert score(verifier, "103", "103", "length").reason == "cut before it finished"
        assert score(verifier, "103", "103", "length").reward == 0
    for verifier in (
        LastNumber(True),
        NumberIn("text", allow_cut=True),
        ExactAnswer(allow_cut=True),
    ):
        assert score(verifier, "103", "103", "length").reward == 1


@pytest.mark.parametrize("verifier", [LastNumber(), NumberIn("tag")])
def test_an_expected_answer_that_is_no_number_is_an_error_not_a_zero(verifier: Any) -> None:
    with pytest.raises(
        RewardError, match="problem p, 'blue', is not a plain number; use reward=exact"
    ):
        score(verifier, "<answer>1</answer>", "blue")


# -- a number in a form ----------


@pytest.mark.parametrize(
    ("form", "text", "answer", "reward"),
    [
        ("text", " 103\n", "103", 1),
        ("text", "It is 103", "103", 0),
        ("tag", "so <answer> 103 </answer>\n", "103", 1),
        ("tag", "<answer>47+56=103</answer>", "103", 0),
        ("tag", "<answer>103</answer> surely", "103", 0),
        ("tag", "<answer>1</answer><answer>103</answer>", "103", 0),
        ("tag", "<think><answer>103</answer></think>", "103", 0),
        ("tag", "<think><answer>5</answer></think><answer>103</answer>", "103", 1),
        ("tag", "</answer>103<answer>", "103", 0),
        ("tag", "<answer>103", "103", 0),
        ("tag", "<answer>...</answer>", "103", 0),
        ("tag", "<answer>１０３</answer>", "103", 0),
        ("tag", "<answer>102 103</answer>", "103", 0),
        ("hashes", "She earns 9 * 2 = 18.\n#### 18", "18", 1),
        ("hashes", "#### 1,234.00\n", "1234", 1),
        ("hashes", "#### Step 1\nadd\n#### 18", "18", 1),
        ("hashes", "#### 17\n#### 18", "18", 0),
        ("hashes", "#### 17 #### 18", "18", 0),
        ("hashes", "#### 18\nor 19", "18", 0),
        ("hashes", "#### 18 or 19", "18", 0),
        ("hashes", "18", "18", 0),
        ("boxed", r"so $\boxed{18}$.", "18", 1),
        ("boxed", r"\[ \boxed{18} \]", "18", 1),
        ("boxed", r"\boxed{17}, no: \boxed{18}", "18", 1),  # One correction.
        ("boxed", r"\boxed{16} \boxed{17} \boxed{18}", "18", 0),
        ("boxed", r"\boxed{18", "18", 1),
        ("boxed", r"\boxed{18} is the answer", "18", 0),
        ("boxed", r"\boxed{18} or 19", "18", 0),
        ("boxed", r"\boxed{13=12}", "12", 0),
        ("boxed", r"\boxed{10_{2}}", "10", 0),
        ("boxed", r"\boxed{0.333333}", "1/3", 0),
        ("boxed", r"\boxed{12,12}", "12", 0),
        ("boxed", r"\boxed{1+2}", "3", 0),
        ("boxed", r"\boxed{12.}", "12", 1),
        ("boxed", r"\boxed{1e5}", "100000", 1),
        ("boxed", r"\boxed{9^{9^{9}}}", "9", 0),
        ("boxed", r"\boxed{100000000!}", "100000000", 0),
    ],
)  # fmt: skip
def test_number_in_a_form(form: Any, text: str, answer: str, reward: int) -> None:
    verdict = score(NumberIn(form), text, answer)
    assert (verdict.reward, verdict.correct) == (reward, bool(reward)), verdict.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("103", "no answer in the form asked for"),
        ("<answer> </answer>", "the answer is empty"),
        ("<answer>about 103</answer>", "the answer is not a plain number"),
        ("<answer>104</answer>", "the answer is not the expected one"),
        ("<answer>103</answer>", "the answer is the expected one"),
        ("<answer>103</answer>!", "text after the answer"),
        ("<answer>103</answer>" * 100, "more than one answer"),
        ("<think><answer>103</answer>", "the reasoning was never closed"),
    ],
)
def test_reasons_can_be_counted(text: str, reason: str) -> None:
    assert score(NumberIn("tag"), text, "103").reason == reason


@pytest.mark.parametrize(
    ("text", "reward"),
    [("$18", 1), ("18%", 1), ("$ 18.", 1), ("-$18", 0), ("18 dollars", 0), ("$18%", 0), ("€18", 0)],
)
def test_units_count_only_where_they_are_declared(text: str, reward: int) -> None:
    assert score(NumberIn("text", units=("$", "%")), text, "18").reward == reward
    assert score(NumberIn("text"), text, "18").reward == 0


def test_a_sign_may_stand_before_its_unit() -> None:
    verifier = NumberIn("text", units=("$",))
    assert [score(verifier, t, "-18").reward for t in ("-$18", "$-18", "−$18", "-$-18")] == [
        1,
        1,
        1,
        0,
    ]


def test_an_unknown_form_is_refused() -> None:
    for verifier in (NumberIn, ExactAnswer):
        with pytest.raises(ConfigError, match="no form 'box'; it is text, tag, boxed or hashes"):
            verifier("box")


# -- an exact text ----------


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("New York", 1),
        (" new\n york. ", 1),
        ("It is New York", 0),
        ("New York New York", 0),
        ("", 0),
        ("...", 0),
        ("<think>no</think>New York", 1),
        ("<think>New York", 0),
    ],
)
def test_exact_answer(text: str, reward: int) -> None:
    assert score(ExactAnswer(), text, "New York").reward == reward


def test_exact_answers_compare_composed_letters_and_case_on_request() -> None:
    assert score(ExactAnswer(), "Cafe\u0301", "Caf\u00e9").reward == 1
    assert score(ExactAnswer(ignore_case=False), "paris", "Paris").reward == 0
    assert score(ExactAnswer("tag"), "so <answer>Paris</answer>", "Paris").reward == 1


def test_an_empty_expected_answer_is_an_error_and_pays_nothing() -> None:
    with pytest.raises(RewardError, match="Problem p has no expected answer"):
        score(ExactAnswer(), "", " ")


# -- whatever a model writes ----------

VERIFIERS = [
    LastNumber(),
    ExactAnswer(),
    *(NumberIn(f) for f in ("text", "tag", "boxed", "hashes")),
]
PIECES = [
    "1",
    "-",
    "−",
    ",",
    ".",
    "/",
    "e",
    "\\boxed{",
    "}",
    "<answer>",
    "</answer>",
    "####",
    "\n",
    "３",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)))
def test_no_text_breaks_a_verifier(text: str) -> None:
    for verifier in VERIFIERS:
        assert score(verifier, text, "103").reward in (0.0, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "9" * 10**6, "-" * 10**6, "1," * 10**6, "1/" * 10**6, "1e" * 10**6, "." * 10**6,
        "a\u0301" * 10**6,
        "<answer>" * 10**5, "\\boxed{" * 10**5, "{" * 10**6, "####" * 10**5, "#### 1" * 10**5,
        "\\boxed{1}" + " " * 10**6 + "x",
        "<answer>" + "1" * 10**6 + "</answer>", "####" + " " * 10**6,
        "\u0301\u0323" * 10**5,
    ],
)  # fmt: skip
def test_a_long_text_takes_no_long_time(text: str) -> None:
    # Milliseconds; what is quadratic takes hours, and the limit of a test ends it.
    for verifier in VERIFIERS:
        assert score(verifier, text, "103").reward == 0
