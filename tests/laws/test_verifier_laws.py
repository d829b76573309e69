"""What must hold of every verifier whatever a model writes: no exception, no hang, gold is paid,
junk and lists of guesses are not. `make fuzz` tries 100,000 answers instead of some hundred."""

import importlib
import math
import os
import pkgutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import paceline.verify
from paceline.types import Completion, Problem, Verdict
from paceline.verify import ExactAnswer, LastNumber, NumberIn, Overlong, Tags, Weighted, judge
from paceline.verify.answers.choice import Choice
from paceline.verify.answers.countdown import Equation, value_of
from paceline.verify.answers.form import answer_in
from paceline.verify.answers.symbolic import equal
from paceline.verify.calling.base import VerifierBase
from paceline.verify.programs.program import program_in
from paceline.verify.shaping.compose import Gate, Product
from paceline.verify.shaping.length import LengthTarget, Repetition
from paceline.verify.shaping.partial_credit import TagCount
from paceline.verify.shaping.presets import exact_and_numeric, r1_zero, soft_format, strict_format

EXAMPLES = int(os.environ.get("PACELINE_FUZZ", "300"))
many = settings(
    max_examples=EXAMPLES, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
PROBLEM = Problem("p", "?", "46", {"nums": [3, 7, 25], "target": 46, "choices": ["x", "y"]})
LETTER = Problem("p", "?", "B", {"choices": ["x", "y"]})
FORMS = {
    "tag": "<think>so</think>\n<answer>{}</answer>",
    "boxed": "so it is \\boxed{{{}}}",
    "hashes": "so\n#### {}",
    "text": "{}",
}
PIECES = [
    "<think>", "</think>", "<answer>", "</answer>", "<reasoning>", "</reasoning>", "\\boxed{",
    "}", "{", "####", "46", "-46", "4", "6", ",", ".", "/", "=", "e9", "²", "½", "−", "\n", " ",
    "$", "%", "```python\n", "\n```\n", "print(46)", "(", ")", "3", "7", "25", "*", "+", "B",
    "A or B", "\x00", "\ud83d", "\u202e", "٤٦", "４６", "\\frac", "^", "!", "...", "\\text{m}",
]  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
texts = st.one_of(
    pieces, st.text(max_size=300), st.tuples(pieces, st.text(max_size=30)).map("".join)
)

OURS = [
    *(NumberIn(form) for form in FORMS), LastNumber(), *(ExactAnswer(form) for form in FORMS),
    *(Equation(form) for form in FORMS), Tags(), Tags(strict=True), TagCount(), r1_zero(),
    exact_and_numeric(), strict_format(), soft_format(), Overlong(20, 5), LengthTarget(50),
    Repetition(2), Gate(Tags(), NumberIn("tag")), Product((("a", NumberIn("tag")), ("b", Tags()))),
    Weighted((("a", NumberIn("boxed"), 1.0), ("b", Overlong(20, 5), 0.5))),
]  # fmt: skip


def completion(text: str, finish="stop") -> Completion:
    return Completion(tuple(text.encode("utf-8", "surrogatepass")), (), text, finish)


@many
@given(text=texts, finish=st.sampled_from(["stop", "length"]))
def test_no_text_breaks_a_verifier(text, finish):
    for verifier in OURS:
        verdict = judge(verifier, PROBLEM, completion(text, finish))
        assert isinstance(verdict, Verdict) and math.isfinite(verdict.reward) and verdict.reason
    judge(Choice(), LETTER, completion(text, finish))
    for where in ("fence", "text", "tag"):
        program_in(text, where)
    value_of(text)


@many
@given(text=texts, form=st.sampled_from(sorted(FORMS)))
def test_only_the_right_number_in_its_form_is_paid(text, form):
    # Whatever stands in the form's place: paid only if it is 46 as everybody writes it.
    verdict = judge(NumberIn(form), PROBLEM, completion(FORMS[form].format(text)))
    if verdict.reward:
        found, _ = answer_in(FORMS[form].format(text), form)
        assert found is not None
        plain = found.replace("−", "-").strip().removesuffix(".").lstrip("+").replace(",", "")
        assert float(plain) == 46, found


@many
@given(text=texts)
def test_no_text_breaks_a_comparison(text):
    right, reason = equal(text, "\\frac{x}{46}")
    assert isinstance(right, bool) and reason


@pytest.mark.parametrize("form", sorted(FORMS))
def test_gold_is_paid_junk_and_candidates_are_not(form):
    def paid(text):
        return judge(NumberIn(form), PROBLEM, completion(FORMS[form].format(text))).reward

    assert paid("46") == paid("46.0") == paid(" 46 ") == 1.0
    for junk in ("", "xyzzy", "...", "46 or 47", "45, 46, 47", "46 46", "=46", "46=46", "answer"):
        assert paid(junk) == 0.0, junk
    candidates = " ".join(str(n) for n in range(100))
    assert paid(candidates) == paid(candidates.replace(" ", ", ")) == 0.0
    assert (
        judge(NumberIn(form), PROBLEM, completion(FORMS[form].format("46"), "length")).reward == 0
    )


def test_long_texts_take_linear_time():
    for piece in (
        "<answer>",
        "</answer>",
        "\\boxed{",
        "####",
        "```python\n",
        "(",
        "9",
        "a b ",
        "<think>",
    ):
        # Seconds in all; what is quadratic takes hours, and the limit of a test ends it.
        text = piece * (1_000_000 // len(piece))
        for verifier in OURS:
            judge(verifier, PROBLEM, completion(text))
        program_in(text, "fence")
        equal(text, "46")


def test_every_verifier_of_the_package_is_one_of_ours():
    # What is not, is called in a worker, has no `&`, and is not checked before training.
    for module in pkgutil.walk_packages(paceline.verify.__path__, "paceline.verify."):
        if ".sandbox." in module.name or module.name.endswith(".serve"):
            continue
        for name, kind in vars(importlib.import_module(module.name)).items():
            if (
                isinstance(kind, type)
                and kind.__module__ == module.name
                and "__call__" in vars(kind)
            ):
                assert issubclass(kind, VerifierBase) or name == "Running", name
