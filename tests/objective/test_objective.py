"""The objective as a whole: loss and metrics by hand, refusals, and the value that it is.

Letters: B rows, T tokens.
"""

import json
import math
import pickle
from dataclasses import dataclass, replace

import pytest
import torch
from torch.testing import assert_close

import paceline.objective as room
from paceline.errors import ConfigError
from paceline.objective import (
    KL,
    Band,
    BatchZScore,
    Center,
    Clip,
    ClipDetached,
    DualClip,
    Gae,
    GeometricRatio,
    LogProb,
    Metrics,
    Objective,
    PerConstant,
    PerSequence,
    PerToken,
    Plain,
    ReturnToGo,
    Reward,
    Scores,
    SequenceRatio,
    SequenceSum,
    SoftGate,
    Tokens,
    Truncate,
    ZScore,
)
from tests.helpers.rounds import make_round

# Two rows of two tokens and of one. Log-ratios ln 1.5, 0 | −ln 2; advantages 2 and −1; each of the
# three tokens has the weight 1/3. The engine was off by 0.1 and 0.3; π_ref is twice π at row 0's
# second token and equal elsewhere.
MASK_BT = torch.tensor([[1, 1], [1, 0]]).bool()
ANCHOR_BT = torch.tensor([[-1.0, -2.0], [-0.5, 0.0]], dtype=torch.float64)
LOGP_BT = ANCHOR_BT + torch.tensor([[math.log(1.5), 0], [-math.log(2), 0]], dtype=torch.float64)
ENTROPY_BT = torch.tensor([[0.5, 0.25], [1.0, 9.0]], dtype=torch.float64)


def tokens(**changes):
    made = Tokens(
        mask_BT=MASK_BT,
        anchor_BT=ANCHOR_BT,
        old_BT=ANCHOR_BT - torch.tensor([[0.1, 0], [-0.3, 0]]).double(),
        ref_BT=LOGP_BT + torch.tensor([[0, math.log(2)], [0, 0]]).double(),
        advantage_BT=torch.tensor([[2, 2], [-1, -1]], dtype=torch.float64),
        weight_BT=MASK_BT.double() / 3,
    )
    return replace(made, **changes)


def loss_of(objective, **changes):
    logp_BT = LOGP_BT.clone().requires_grad_()
    loss, metrics = objective(Scores(logp_BT, ENTROPY_BT), tokens(**changes))
    return loss, metrics, torch.autograd.grad(loss, logp_BT)[0]


def test_the_loss_is_minus_the_weighted_gain():
    # Gains: min(1.5, 1.2)·2 = 2.4 (clipped), 2, and −max(0.5, 0.8) = −0.8 (clipped). Sum 3.6.
    loss, metrics, slope_BT = loss_of(Objective(advantage=Center()))
    assert_close(loss.item(), -3.6 / 3)
    # Only the token at ratio 1 has a gradient: −1/3 · 2.
    assert_close(slope_BT, torch.tensor([[0, -2 / 3], [0, 0]]).double())
    assert metrics.tokens == 3 and metrics.clipped == 2
    assert_close(metrics.loss, -1.2)
    assert_close(metrics.entropy_sum, 1.75)
    assert_close(metrics.ratio_max, 2.0)  # e^|−ln 2|
    assert_close(metrics.kl_sum, 1 - math.log(2))  # 2 − ln 2 − 1 at one token
    assert_close(metrics.mismatch_sum, 0.4)
    assert_close(metrics.mismatch_max, 0.3)
    assert isinstance(metrics.loss, float) and isinstance(metrics.tokens, int)


def test_kl_in_the_loss_is_taken_from_each_tokens_gain():
    # k3 = 1 − ln 2 at one token, weighted by 0.5; its gradient by log π is 1 − e^d = −1.
    loss, _, slope_BT = loss_of(Objective(advantage=Center(), kl=KL(0.5)))
    assert_close(loss.item(), -(3.6 - 0.5 * (1 - math.log(2))) / 3)
    assert_close(slope_BT, torch.tensor([[0, -(2 + 0.5) / 3], [0, 0]]).double())


def test_kl_in_the_reward_changes_no_gain():
    objective = Objective(advantage=Center(), kl=KL(0.5, "k1", "reward"))
    assert_close(loss_of(objective)[0].item(), -1.2)


def test_the_entropy_bonus_is_added_to_each_tokens_gain():
    # 0.1·(0.5 + 0.25 + 1.0), and nothing of the 9 outside the mask
    loss, _, _ = loss_of(Objective(advantage=Center(), entropy=0.1))
    assert_close(loss.item(), -(3.6 + 0.175) / 3)
    entropy_BT = ENTROPY_BT.clone().requires_grad_()
    Objective(advantage=Center(), entropy=0.1)(Scores(LOGP_BT, entropy_BT), tokens())[0].backward()
    assert_close(entropy_BT.grad, -0.1 * MASK_BT.double() / 3)


def test_the_correction_multiplies_the_surrogate_but_not_the_kl():
    # anchor − old is 0.1, 0, −0.3; truncated at 1.05: 1.05, 1, e^−0.3
    objective = Objective(advantage=Center(), kl=KL(0.5), correction=Truncate(1.05))
    loss, _, _ = loss_of(objective)
    gain = 1.05 * 2.4 + 2 - 0.8 * math.exp(-0.3) - 0.5 * (1 - math.log(2))
    assert_close(loss.item(), -gain / 3)
    # A band that the third token (e^−0.3 = 0.74) falls out of
    loss, _, _ = loss_of(Objective(advantage=Center(), correction=Band(0.8, 5.0)))
    assert_close(loss.item(), -(math.exp(0.1) * 2.4 + 2) / 3)


def test_a_weighted_kl_has_the_tokens_own_ratio_and_neither_the_ratio_part_nor_the_correction():
    # π_ref is twice π at row 0's first token too, whose ratio is 1.5: k3 = 1 − ln 2 at both, so
    # 2.5 of it, where SequenceRatio has √1.5 for the row and the correction 1.05 at the first.
    ref_BT = LOGP_BT + torch.tensor([[math.log(2), math.log(2)], [0, 0]]).double()
    kl = KL(0.5, weighted=True)
    parts = {"ratio": SequenceRatio(), "correction": Truncate(1.05)}
    for more in ({}, parts):
        with_kl, without = (
            loss_of(Objective(advantage=Center(), kl=k, **more), ref_BT=ref_BT) for k in (kl, None)
        )
        assert_close((with_kl[0] - without[0]).item(), 0.5 * 2.5 * (1 - math.log(2)) / 3)
        # −ρ·d at each: −1.5 ln 2 and −ln 2
        slope_BT = -torch.tensor([[1.5, 1], [0, 0]]).double() * 0.5 * math.log(2) / 3
        assert_close(with_kl[2] - without[2], slope_BT)
        assert_close(with_kl[1].kl_sum, 2 * (1 - math.log(2)))  # what is told is k3 itself


def test_without_an_anchor_every_ratio_is_exactly_1():
    loss, metrics, slope_BT = loss_of(Objective(advantage=Center()), anchor_BT=None)
    assert_close(loss.item(), -(2 + 2 - 1) / 3)
    assert_close(slope_BT, -torch.tensor([[2, 2], [-1, 0]]).double() / 3)
    assert metrics.ratio_max == 1.0 and metrics.clipped == 0
    # The mismatch is then that of the scores: ln 1.5 + 0.1, 0, −ln 2 − 0.3.
    assert_close(metrics.mismatch_sum, math.log(1.5) + 0.1 + math.log(2) + 0.3)


def test_metrics_see_the_ratio_that_the_surrogate_saw():
    # The mean of row 0's log-ratios is ln 1.5 / 2; row 1's is −ln 2.
    _, metrics, _ = loss_of(Objective(advantage=Center(), ratio=SequenceRatio()))
    assert_close(metrics.ratio_max, 2.0)
    # √1.5 = 1.22 > 1.2 clips both tokens of row 0; 0.5 < 0.8 clips row 1's.
    assert metrics.clipped == 3
    _, metrics, _ = loss_of(
        Objective(advantage=Center(), ratio=GeometricRatio(0.8, 0.4), surrogate=Plain())
    )
    assert metrics.clipped == 1  # ln 1.5 = 0.405 > 0.4; −ln 2 > −0.8
    _, metrics, _ = loss_of(Objective(advantage=Center(), surrogate=Plain()))
    assert metrics.clipped is None and metrics.clip_fraction is None


def test_the_clipped_tokens_are_those_that_are_counted():
    scores = Scores(LOGP_BT, ENTROPY_BT)
    objective = Objective(advantage=Center())
    # 1.5 > 1.2 with an advantage above 0, 0.5 < 0.8 with one below; row 1 has one token.
    assert objective.clipped(scores, tokens()).tolist() == [[True, False], [True, False]]
    assert not objective.clipped(scores, tokens(anchor_BT=None)).any()
    of_both = replace(objective, ratio=Halved())  # √1.5 = 1.22 and √0.5 = 0.71, and all of row 0
    assert of_both.clipped(scores, tokens()).tolist() == [[True, True], [True, False]]
    assert replace(objective, surrogate=Plain()).clipped(scores, tokens()) is None


@pytest.mark.parametrize(("nats", "told"), [(95, 95), (-95, 95), (2000, 700)])
def test_a_ratio_that_is_far_too_large_stays_a_number(nats, told):
    # e^95 is 1.8e41, and 3.4e38 the largest number of fp32.
    anchor_BT = torch.tensor([[-1.0, -2.0]])
    made = Tokens(
        mask_BT=torch.ones(1, 2, dtype=torch.bool), anchor_BT=anchor_BT, old_BT=anchor_BT,
        ref_BT=None, advantage_BT=torch.ones(1, 2), weight_BT=torch.ones(1, 2) / 2,
    )  # fmt: skip
    logp_BT = anchor_BT + torch.tensor([[0.0, nats]])
    _, metrics = Objective(advantage=Center())(Scores(logp_BT, torch.zeros(1, 2)), made)
    assert metrics.ratio_max == pytest.approx(math.exp(told), rel=1e-4)
    assert json.loads(json.dumps(metrics.ratio_max, allow_nan=False)) == metrics.ratio_max


@dataclass(frozen=True)
class Halved:
    """A user's own ratio that reports row 0's tokens as bounded."""

    def __call__(self, log_ratio_BT, mask_BT, advantage_BT):
        return log_ratio_BT / 2

    def clipped(self, log_ratio_BT, advantage_BT):
        return advantage_BT > 0


def test_a_token_bounded_by_both_ratio_and_surrogate_counts_once():
    # The surrogate clips row 0's first token (√1.5 > 1.2) and row 1's (√0.5 < 0.8).
    _, metrics, _ = loss_of(Objective(advantage=Center(), ratio=Halved()))
    assert metrics.clipped == 3


def test_without_a_reference_the_kl_is_not_measured():
    _, metrics, _ = loss_of(Objective(advantage=Center()), ref_BT=None)
    assert metrics.kl_sum is None and metrics.kl is None
    with pytest.raises(ValueError, match="reference"):
        loss_of(Objective(advantage=Center(), kl=KL(0.1)), ref_BT=None)


@pytest.mark.parametrize("form", ["k2", "k3"])
def test_where_the_policy_is_the_reference_there_is_no_kl_whatever_rounding_says(form):
    # ref_BT is off by ln 2 at one token here; it stands for the rounding of another pass.
    plain, pulled = Objective(advantage=Center()), Objective(advantage=Center(), kl=KL(5.0, form))
    loss, metrics, slope_BT = loss_of(pulled, at_reference=True)
    without, _, its_BT = loss_of(plain, ref_BT=None)
    assert metrics.kl_sum == 0 and loss == without and torch.equal(slope_BT, its_BT)
    _, measured, slope_BT = loss_of(pulled)
    assert measured.kl_sum > 0.1 and not torch.equal(slope_BT, its_BT)
    _, unmeasured, _ = loss_of(plain, ref_BT=None, at_reference=True)
    assert unmeasured.kl_sum is None


@pytest.mark.parametrize("rows", [[], [0]])
def test_no_rows_and_rows_without_tokens_give_a_loss_of_0_with_a_gradient(rows):
    logp_BT = LOGP_BT[rows].clone().requires_grad_()
    some = tokens(mask_BT=torch.zeros(2, 2).bool()).rows(rows)
    objective = Objective(advantage=Center(), kl=KL(0.1), entropy=0.1, correction=Truncate())
    loss, metrics = objective(Scores(logp_BT, ENTROPY_BT[rows]), some)
    loss.backward()
    assert loss.item() == 0 and not logp_BT.grad.any()
    assert metrics == Metrics(kl_sum=0.0, clipped=0, mismatch_sum=0.0, mismatch_max=0.0)


def test_single_precision_is_enough():
    exact, _, _ = loss_of(Objective(advantage=Center(), kl=KL(0.5), entropy=0.1))
    some = tokens()
    single = Tokens(
        mask_BT=MASK_BT,
        anchor_BT=some.anchor_BT.float(),
        old_BT=some.old_BT.float(),
        ref_BT=some.ref_BT.float(),
        advantage_BT=some.advantage_BT.float(),
        weight_BT=some.weight_BT.float(),
    )
    scores = Scores(LOGP_BT.float(), ENTROPY_BT.float())
    loss, _ = Objective(advantage=Center(), kl=KL(0.5), entropy=0.1)(scores, single)
    assert loss.dtype == torch.float32
    assert_close(loss.item(), exact.item(), rtol=1e-6, atol=0)


def test_kl_in_the_reward_is_taken_from_the_returns():
    # k1 of row 0: (−1 + 2) + (−2 + 2) = 1, of row 1: (−1 + 1.5) = 0.5; times 0.2: 0.2 and 0.1.
    round = make_round(
        [[1, 0]], lengths=[[2, 1]], anchor=((-1, -2), (-1,)), ref=((-2, -2), (-1.5,))
    )
    objective = Objective(advantage=Reward(), kl=KL(0.2, "k1", "reward"))
    assert_close(objective.advantages(round), torch.tensor([0.8, -0.1]))
    assert objective.advantages(round).dtype == torch.float32
    assert objective.advantages(round, torch.float64).dtype == torch.float64
    # In the loss it leaves them alone.
    assert_close(replace(objective, kl=KL(0.2)).advantages(round), torch.tensor([1.0, 0.0]))


def test_kl_in_the_reward_counts_only_tokens_that_the_model_sampled():
    round = make_round([[1]], sampled=[(True, False)], anchor=((-1.0, -1.0),), ref=((-1.5, -9.0),))
    objective = Objective(advantage=Reward(), kl=KL(1.0, "k1", "reward"))
    assert_close(objective.advantages(round), torch.tensor([0.5]))


def test_kl_in_the_reward_without_its_columns_says_so():
    objective = Objective(advantage=Center(), kl=KL(0.2, "k1", "reward"))
    with pytest.raises(ValueError, match=r"Round\.anchor and Round\.ref"):
        objective.advantages(make_round([[1, 0]], anchor=((0, 0), (0, 0))))


def test_advantages_of_the_wrong_shape_or_not_finite_are_refused():
    # One element would broadcast over the batch.
    with pytest.raises(ValueError, match=r"shape \(1,\) for 2 rows"):
        Objective(advantage=lambda r: torch.ones(1)).advantages(make_round([[1, 0]]))
    with pytest.raises(ValueError, match="not a finite number"):
        Objective(advantage=Center()).advantages(make_round([[1, math.nan]]))


def test_weights_are_those_of_the_part():
    weight_BT = Objective(advantage=Center(), weight=PerSequence()).weights(
        MASK_BT, torch.tensor([0, 0])
    )
    assert_close(weight_BT, torch.tensor([[0.25, 0.25], [0.5, 0]]))
    assert weight_BT.dtype == torch.float32


def test_needs():
    plain = Objective(advantage=Center())
    assert not (plain.needs_reference or plain.needs_anchor_for_advantages or plain.needs_values)
    loss = replace(plain, kl=KL(0.1))
    assert loss.needs_reference and not loss.needs_anchor_for_advantages
    reward = replace(plain, kl=KL(0.1, "k1", "reward"))
    assert reward.needs_reference and reward.needs_anchor_for_advantages
    assert Objective(advantage=Gae()).needs_values


def test_rows_without_signal_are_dropped_only_where_they_have_no_gradient():
    plain = Objective(advantage=Center())
    assert plain.drops_signalless
    assert replace(plain, kl=KL(0.1, "k1", "reward")).drops_signalless
    assert not replace(plain, kl=KL(0.1)).drops_signalless
    assert not replace(plain, entropy=0.01).drops_signalless
    # Plain log-likelihood learns from rows whatever their advantage.
    assert not replace(plain, surrogate=lambda log_ratio, advantage: log_ratio).drops_signalless


def test_resolved_fills_in_the_open_length_only():
    left_open = Objective(advantage=Center(), weight=PerConstant())
    assert left_open.resolved(64) == Objective(advantage=Center(), weight=PerConstant(64))
    fixed = Objective(advantage=Center(), weight=PerConstant(8))
    assert fixed.resolved(64) == fixed
    assert Objective(advantage=Center()).resolved(64) == Objective(advantage=Center())


@pytest.mark.parametrize("advantage", [ReturnToGo(), Gae()], ids=repr)
@pytest.mark.parametrize("ratio", [SequenceRatio(), GeometricRatio(0.4, 0.4)], ids=repr)
def test_a_ratio_for_the_row_with_advantages_for_the_token_is_refused(advantage, ratio):
    with pytest.raises(ConfigError, match="one advantage a row"):
        Objective(advantage=advantage, ratio=ratio, surrogate=Plain())


@pytest.mark.parametrize(
    "surrogate", [Clip(0.2), DualClip(0.2), ClipDetached(1.0), SoftGate(1.0, 1.0)], ids=repr
)
def test_bounding_the_ratio_twice_is_refused(surrogate):
    with pytest.raises(ConfigError, match="twice"):
        Objective(advantage=Center(), ratio=GeometricRatio(0.4, 0.4), surrogate=surrogate)


def test_mixtures_that_only_look_odd_are_allowed():
    Objective(advantage=ZScore(), ratio=SequenceRatio(), weight=SequenceSum())
    Objective(advantage=ZScore(), ratio=SequenceRatio(), weight=PerToken())
    Objective(advantage=ZScore(), ratio=GeometricRatio(0.4, 0.4), surrogate=LogProb())
    Objective(advantage=BatchZScore(), entropy=-0.01)


def test_a_class_in_place_of_a_value_is_refused():
    with pytest.raises(ConfigError, match=r"advantage is the class ZScore; give a value: ZScore\("):
        Objective(advantage=ZScore)
    with pytest.raises(ConfigError, match="correction is the class Truncate"):
        Objective(advantage=ZScore(), correction=Truncate)


def test_what_is_no_part_is_refused():
    with pytest.raises(ConfigError, match="weight must be one of its parts or a function, not 'to"):
        Objective(advantage=ZScore(), weight="token")
    with pytest.raises(ConfigError, match="entropy"):
        Objective(advantage=ZScore(), entropy=math.nan)


def test_it_prints_as_it_is_written():
    assert repr(Objective(advantage=Center(), kl=KL(0.1))) == (
        "Objective(advantage=Center(), ratio=TokenRatio(), surrogate=Clip(low=0.2, high=0.2), "
        "weight=PerToken(), kl=KL(coef=0.1, form='k3', where='loss', weighted=False), entropy=0.0, "
        "correction=None)"
    )


def halves(round):
    return torch.tensor(round.rewards) - 0.5


def test_a_function_prints_by_its_name_and_not_by_its_address():
    objective = Objective(advantage=halves)
    assert repr(objective).startswith(f"Objective(advantage={__name__}.halves, ratio=TokenRatio()")
    assert_close(objective.advantages(make_round([[1, 0]])), torch.tensor([0.5, -0.5]))


@dataclass(frozen=True)
class Cubed:
    """A user's own surrogate: in no file of ours, and no less a value."""

    scale: float = 1.0

    def __call__(self, log_ratio_BT, advantage_BT):
        return self.scale * advantage_BT * (1 + log_ratio_BT) ** 3


def test_a_users_own_part_is_a_value_like_ours():
    objective = Objective(advantage=Center(), surrogate=Cubed(2.0))
    assert objective == Objective(advantage=Center(), surrogate=Cubed(2.0))
    assert objective != Objective(advantage=Center(), surrogate=Cubed(3.0))
    assert pickle.loads(pickle.dumps(objective)) == objective
    assert eval(repr(objective), vars(room) | {"Cubed": Cubed}) == objective
    assert objective.drops_signalless
    # On-policy every gain is 2A: −(4 + 4 − 2)/3.
    assert_close(loss_of(objective, anchor_BT=None)[0].item(), -2.0)


def test_it_describes_itself_in_one_sentence():
    objective = Objective(
        advantage=Center(),
        surrogate=DualClip(0.2, 0.28, 3.0),
        weight=PerSequence(),
        kl=KL(0.04, weighted=True),
        entropy=-0.01,
        correction=Truncate(2.0),
    )
    assert objective.describe() == (
        "Each reward counts by its distance from its group’s mean; one ratio for each token; "
        "clipped to 0.8–1.28, and at 3 for advantages below 0; all completions weigh the same; "
        "KL penalty 0.04 in the loss, k3 weighted by each token’s ratio; entropy penalty 0.01; "
        "corrected for the sampler by each token’s ratio, at most 2."
    )


def test_a_part_that_does_not_describe_itself_is_told_as_it_is_written():
    told = Objective(advantage=halves, surrogate=Cubed(2.0)).describe()
    assert told.startswith(f"{__name__}.halves; one ratio for each token; Cubed(scale=2.0); all ")


def test_every_part_of_ours_describes_itself():
    parts = [part for make in room.OBJECTIVES.values() for _, part in make()._parts()]
    assert {type(part).__name__ for part in parts} >= {"ZScore", "SoftGate", "PerConstant"}
    others = (Band(), BatchZScore(), DualClip(0.2), Gae(), GeometricRatio(0.4, 0.4), KL(0.1),
              room.GroupThenBatch(), room.PerPromptToken(), Reward(), Truncate())  # fmt: skip
    assert [part for part in (*parts, *others) if not isinstance(part, room.Described)] == []


# KL to the anchor, and what comes with a critic or a teacher ------------------------------------


def anchored(anchor_BT, at_reference=False):
    return Tokens(
        mask_BT=torch.ones(1, 2).bool(),
        anchor_BT=anchor_BT,
        old_BT=None,
        ref_BT=torch.full((1, 2), math.nan),
        advantage_BT=torch.zeros(1, 2).double(),
        weight_BT=torch.ones(1, 2).double(),
        at_reference=at_reference,
    )


@pytest.mark.parametrize("form", ["k2", "k3"])
def test_kl_to_the_anchor_reads_the_anchor_and_no_reference(form):
    objective = Objective(advantage=Reward(), kl=KL(2.0, form, to="anchor"))
    assert not objective.needs_reference and not objective.needs_anchor_for_advantages
    assert objective.reads_ratios_only and objective.tokenwise and not objective.drops_signalless
    logp_BT = torch.tensor([[-1.0, -2.0]], dtype=torch.float64).requires_grad_()
    scores = Scores(logp_BT, torch.zeros_like(logp_BT))
    anchor_BT = torch.tensor([[-1.5, -1.5]], dtype=torch.float64)
    # log ρ = ±1/2: ρ − 1 − log ρ, or half its square
    k3 = [math.expm1(x) - x for x in (0.5, -0.5)]
    expected = 2 * sum(k3 if form == "k3" else [0.125, 0.125])
    for at_reference in (False, True):  # that is another model's business
        loss = objective.value(scores, anchored(anchor_BT, at_reference))
        assert loss.item() == pytest.approx(expected, rel=1e-12)
    # With one part a round the policy is its own anchor: 0, and so is its gradient, exactly.
    loss = objective.value(scores, anchored(None))
    assert loss.item() == 0 and not torch.autograd.grad(loss, logp_BT)[0].any()


def test_needs_of_a_critic_and_of_a_teacher():
    critic = Objective(advantage=Gae())
    assert critic.needs_values and not critic.drops_signalless
    assert not critic.needs_reference and not critic.needs_anchor_for_advantages
    assert replace(critic, kl=KL(0.1, "k1", "reward")).needs_anchor_for_advantages
    teacher = Objective(advantage=room.Teacher())
    assert teacher.needs_reference and teacher.needs_anchor_for_advantages
    assert not any(o.whole_groups for o in (critic, teacher, Objective(advantage=Center())))


def test_a_round_is_penalised_by_kl_in_the_reward_alone():
    round = make_round([[1]], anchor=((-1.0, -2.0),), ref=((-1.5, -1.0),))
    for objective in (Objective(advantage=Reward()), Objective(advantage=Reward(), kl=KL(0.1))):
        assert objective.penalised(round) is round
    objective = Objective(advantage=Reward(), kl=KL(0.1, "k1", "reward"))
    (penalty,) = objective.penalised(round).penalty
    assert penalty == pytest.approx((0.05, -0.1))
    assert objective.penalised(objective.penalised(round)).penalty == (penalty,)
    assert objective.advantages(round).tolist() == pytest.approx([1.05])
