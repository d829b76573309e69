"""Small rewards for steps on the way."""

from paceline.verify.shaping.partial_credit import NumberPrinted, ProgramFailed, TagCount
from tests.helpers.verdicts import fenced, judged


def test_what_was_cut_earns_nothing_on_the_way():
    for verifier in (NumberPrinted(), ProgramFailed()):
        for code in ("print(7)", "1 / 0"):
            assert judged(verifier, fenced(code), finish="length").reward == 0


def test_small_rewards_on_the_way():
    assert judged(NumberPrinted(), fenced("print(7)")).reward == 1.0
    assert judged(NumberPrinted(), fenced("print('seven')")).reward == 0.0
    assert judged(ProgramFailed(), fenced("1 / 0")).reward == -1.0
    assert judged(ProgramFailed(), "no program").reward == 0.0
    assert judged(TagCount(), "<reasoning>a</reasoning>").reward == 0.5
    assert judged(TagCount(), "<reasoning></reasoning><answer>1</answer>").reward == 0.5
