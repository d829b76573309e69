"""Conclusions of a replay in sentences, from records made by hand."""

from dataclasses import replace

import pytest

from paceline.analysis.replay import Redone
from paceline.analysis.replay.conclusions import (
    agreement,
    figure,
    meaning,
    sentences,
    share,
    where,
)
from paceline.objective import named
from tests.helpers.replays import a_measure, a_replay

INF, NAN = float("inf"), float("nan")
OWN = a_measure("grpo")


def against(*others, cosines):
    """A replay of grpo and others, with these cosines to grpo's gradient."""
    row = (1.0, *cosines)
    return a_replay(OWN, *others, cosine=(row, *[(c, *row[1:]) for c in cosines]))


@pytest.mark.parametrize(
    ("redone", "said"),
    [
        (Redone(6, 0, 0.0, 6), "The gradient's norm at step 6 is the run's, bit for bit."),
        (
            Redone(3, 2, 0.0, 4),
            "The gradient's norm is the run's bit for bit at all of the 3 steps up to 6.",
        ),
        (Redone(0, 5, 1e-6, 2), "1.0e-06 (step 2): the same run to rounding."),
        (Redone(0, 5, 0.01, 2), "1.0e-02 (step 2): the same run to rounding."),
        (Redone(0, 5, 0.03, 2), "3.0e-02 (step 2): the policy here is not quite the run's"),
        (Redone(0, 5, 0.51, 2), "5.1e-01 (step 2): this is another policy, or another objective"),
        (Redone(0, 5, INF, 2), "At step 2 only one of the two gradients"),
    ],
)
def test_the_agreement_with_the_run_is_told_by_its_size(redone, said):
    assert said in agreement(a_replay(OWN, redone=redone))


def test_a_norm_that_is_no_number_in_the_run_either_agrees():
    skipped = a_replay(replace(OWN, grad_norm=NAN), redone=Redone(6, 0, 0.0, 6))
    assert agreement(skipped).endswith("at step 6 is not a finite number, as in the run.")


def test_at_a_rounds_first_part_every_ratio_is_one():
    first = a_replay(OWN, part=0, step=5)
    ratios, coincide, *_ = sentences(first)
    assert ratios.startswith("Every ratio is 1 here: it is the round's first part")
    assert coincide.endswith("; steps 6, 7 and 8 are later in the same round, where they part.")
    assert "; step 6 is later in" in sentences(replace(first, last_step=6))[1]
    assert sentences(replace(first, last_step=5))[1].endswith("in ratio or clip alone coincide.")
    single = sentences(replace(first, parts=1))
    assert "it takes one update a round" in single[0] and "minibatches=4" in single[1]


def test_the_objective_that_points_elsewhere_is_told_with_its_length_and_clip():
    gspo = a_measure("gspo", grad_norm=3.1, clip_fraction=0.25)
    rloo = a_measure("rloo", grad_norm=2.0)
    assert sentences(against(gspo, rloo, cosines=(0.5, 0.9))) == [
        "gspo differs most: its gradient points 0.500 along that of grpo, and is 3.1 times as "
        "long; it clips 25 % of the tokens."
    ]


def test_objectives_that_point_the_same_way_are_told():
    both = against(a_measure("gspo"), a_measure("rloo"), cosines=(0.999, 1.0))
    assert sentences(both) == ["gspo and rloo point the same way as grpo (cosine above 0.999)."]
    one = against(a_measure("gspo"), cosines=(0.9999,))
    assert sentences(one) == ["gspo points the same way as grpo (cosine above 0.999)."]


def test_the_objective_that_clips_most_is_told_once():
    own = replace(OWN, clip_fraction=0.4)
    alone = a_replay(own, a_measure("gspo", clip_fraction=0.3))
    assert sentences(alone)[0] == "grpo clips 40 % of the tokens."
    other = against(a_measure("gspo", clip_fraction=0.3), cosines=(0.9999,))
    along = "gspo clips 30 % of the tokens; its gradient points 1.000 along that of grpo."
    assert sentences(other)[0] == along
    few = against(a_measure("gspo", clip_fraction=0.09), cosines=(0.9999,))
    assert "clips" not in meaning(few)


def test_objectives_without_a_gradient_are_told():
    silent = a_measure("gspo", grad_norm=0.0, clip_fraction=1.0)
    found = sentences(against(silent, cosines=(None,)))
    assert "gspo has no gradient at all here: every token is clipped." in found
    assert "gspo clips" not in " ".join(found)
    mute = replace(silent, name="dapo", clip_fraction=0.5)
    found = sentences(against(silent, mute, cosines=(None, None)))
    assert "gspo and dapo have no gradient at all here." in found


def test_a_part_without_any_gradient_is_told():
    silent = a_replay(a_measure("grpo", grad_norm=0.0), a_measure("gspo", grad_norm=0.0))
    assert meaning(silent) == "No completion of this part has a gradient under any of them."


def test_where_only_others_have_a_gradient_they_are_named():
    own = replace(OWN, grad_norm=0.0)
    one = a_replay(own, a_measure("gspo"), a_measure("dapo", grad_norm=0.0))
    assert sentences(one) == ["grpo has no gradient here; gspo has one."]
    two = a_replay(own, a_measure("gspo"), a_measure("dapo"))
    assert sentences(two) == ["grpo has no gradient here; gspo and dapo have one."]
    broken = a_replay(own, a_measure("gspo", grad_norm=INF))
    assert sentences(broken)[1:] == ["grpo has no gradient here."]


def test_gradients_that_are_no_numbers_are_told_and_compared_with_nothing():
    own = a_replay(replace(OWN, grad_norm=NAN), a_measure("gspo"), cosine=((None,) * 2,) * 2)
    assert sentences(own) == [
        "The gradient of grpo is not a finite number here; a run skips such a step.",
        "None can be compared with the run's own.",
    ]
    others = (a_measure("gspo", grad_norm=INF), a_measure("rloo", grad_norm=NAN))
    said = sentences(against(*others, cosines=(None, None)))
    assert said[0].startswith("The gradients of gspo and rloo are not finite numbers here")
    assert "inf" not in " ".join(said) and "nan" not in " ".join(said)


def test_the_runs_own_objective_alone_is_told():
    assert sentences(a_replay(OWN)) == ["Only grpo was asked for, the run's own objective."]


def test_an_entropy_term_is_told_to_be_in_no_push():
    warm = a_measure("warm", objective=replace(named.grpo(), entropy=0.5))
    assert sentences(against(warm, cosines=(1.0,)))[-1] == (
        "The entropy term of warm is in the gradient and in no push: it acts on all tokens that "
        "might have been sampled."
    )


def test_a_part_in_words():
    assert where(a_replay(OWN)) == "part 2 of 4 of round 1: 4 completions of 2 problems"
    assert where(a_replay(OWN, groups=(1,))).endswith("2 completions of 1 problem")


def test_shares_and_figures_have_the_digits_that_they_need():
    assert [share(f) for f in (None, 0.0, 0.004, 0.0996, 0.1, 1.0)] == [
        "–", "0 %", "0.4 %", "10.0 %", "10 %", "100 %",
    ]  # fmt: skip
    assert [figure(v) for v in (None, NAN, INF, 0.12345, 2.0)] == ["–", "–", "–", "0.123", "2"]
    assert figure(1.23456, 4) == "1.235"
