"""KL estimates against numbers worked by hand."""

import math

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import KL

# d = log π_ref − log π is ln 2, 0 and −ln 2.
LOGP_BT = torch.tensor([[-1 - math.log(2), -1, -1 + math.log(2)]], dtype=torch.float64)
REF_BT = torch.full((1, 3), -1, dtype=torch.float64)
LN2 = math.log(2)


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (KL(1.0, "k1", "reward"), [-LN2, 0, LN2]),
        (KL(1.0, "k2"), [LN2**2 / 2, 0, LN2**2 / 2]),
        # 2 − ln 2 − 1 and 1/2 + ln 2 − 1
        (KL(1.0, "k3"), [1 - LN2, 0, LN2 - 0.5]),
    ],
    ids=repr,
)
def test_forms(kl, expected):
    expected_BT = torch.tensor([expected], dtype=torch.float64)
    assert_close(kl(LOGP_BT, REF_BT), expected_BT, rtol=0, atol=1e-12)


def test_the_weight_is_not_in_the_estimate():
    assert_close(KL(7.0)(LOGP_BT, REF_BT), KL(1.0)(LOGP_BT, REF_BT))


def test_k1_and_k3_estimate_the_same_divergence_and_k3_has_its_gradient():
    # Over three outcomes the expectation is a sum: Σ p·k1 = Σ p·k3 = Σ p (log p − log q).
    p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    q = torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64)
    true = (p * (p.log() - q.log())).sum()
    assert_close((p * KL(1.0, "k1", "reward")(p[None].log(), q[None].log())).sum(), true)
    assert_close((p * KL(1.0, "k3")(p[None].log(), q[None].log())).sum(), true)


def test_k1_has_no_expected_gradient_and_k2_has_that_of_the_divergence():
    # Why k1 is refused in the loss: over samples of π, E[∇ log π] = Σ p ∇ log p = ∇ Σ p = 0.
    logits = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64, requires_grad=True)
    ref = torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64).log()
    logp = logits.log_softmax(0)
    p = logp.detach().exp()

    def gradient(x):
        return torch.autograd.grad(x, logits, retain_graph=True)[0]

    k1 = KL(1.0, "k1", "reward")(logp[None], ref[None])[0]
    assert_close(gradient((p * k1).sum()), torch.zeros(3).double(), rtol=0, atol=1e-12)
    true = gradient((logp.exp() * (logp - ref)).sum())
    assert_close(gradient((p * KL(1.0, "k2")(logp[None], ref[None])[0]).sum()), true)


def test_weighted_k3_by_hand():
    # The anchor has half of π at the first token: ratio 2, and 1 at the others. k3 as above, and
    # the slope −ρ·d: −2 ln 2, 0 and ln 2.
    anchor_BT = LOGP_BT - torch.tensor([[LN2, 0, 0]], dtype=torch.float64)
    logp_BT = LOGP_BT.clone().requires_grad_()
    value_BT = KL(1.0, weighted=True)(logp_BT, REF_BT, anchor_BT)
    assert_close(value_BT.detach(), torch.tensor([[2 * (1 - LN2), 0, LN2 - 0.5]]).double())
    (slope_BT,) = torch.autograd.grad(value_BT.sum(), logp_BT)
    assert_close(slope_BT, torch.tensor([[-2 * LN2, 0, LN2]]).double())


def test_weighted_without_an_anchor_has_the_value_of_k3_and_another_slope():
    # The ratio is exactly 1 and yet has a gradient: −d, where k3 alone has 1 − e^d.
    logp_BT = LOGP_BT.clone().requires_grad_()
    weighted_BT, plain_BT = KL(1.0, weighted=True)(logp_BT, REF_BT), KL(1.0)(logp_BT, REF_BT)
    assert torch.equal(weighted_BT, plain_BT)
    slopes = [torch.autograd.grad(x_BT.sum(), logp_BT)[0] for x_BT in (weighted_BT, plain_BT)]
    assert_close(slopes[0], torch.tensor([[-LN2, 0, LN2]]).double())
    assert_close(slopes[1], torch.tensor([[-1, 0, 0.5]]).double())


def test_weighted_k3_keeps_its_slope_far_from_the_reference_in_single_precision():
    # At d = 20 the halves of the product rule are ±e^20, and fp32 steps by 32 there.
    logp_BT = torch.tensor([[-25.0, -25.0]], requires_grad=True)
    value_BT = KL(1.0, weighted=True)(logp_BT, torch.tensor([[-5.0, -25.0]]))
    (slope_BT,) = torch.autograd.grad(value_BT.sum(), logp_BT)
    assert slope_BT.tolist() == [[-20.0, 0.0]]


def test_k3_keeps_its_digits_near_the_reference_in_single_precision():
    # k3 is d²/2 + d³/6 + …, below 1e-6 here; e^d − 1 − d taken literally is off by up to 6e-8.
    d_BT = torch.tensor([[0.0003, 0.0007, -0.0011]])
    k3_BT = KL(1.0)(torch.zeros(1, 3), d_BT)
    exact_BT = d_BT.double() ** 2 / 2 + d_BT.double() ** 3 / 6 + d_BT.double() ** 4 / 24
    assert_close(k3_BT.double(), exact_BT, rtol=1e-3, atol=0)


def test_k1_in_the_loss_is_refused():
    with pytest.raises(ConfigError, match="expected gradient of zero"):
        KL(0.1, "k1")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"where": "reward"}, "weighs the reward already"),
        ({"form": "k1", "where": "reward"}, "weighs the reward already"),
        ({"form": "k2"}, "takes the form k3"),
        ({"form": "k1"}, "expected gradient of zero"),
        ({"weighted": "yes"}, "True or False, not 'yes'"),
    ],
)
def test_a_ratio_is_refused_where_it_would_make_nothing_exact(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        KL(0.1, **{"weighted": True, **options})


@pytest.mark.parametrize("coef", ["0.1", None, True])
def test_a_weight_that_is_no_number_is_refused(coef):
    with pytest.raises(ConfigError, match="a number as its weight"):
        KL(coef)


def test_why_the_ratio_before_k2_is_refused():
    # ∇(ρ·k2) = ρ·(k2 − d)·∇log π: beside the KL's gradient it has Σ π·k2·∇log π, which is not 0.
    logits = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64, requires_grad=True)
    ref = torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64).log()
    logp = logits.log_softmax(0)
    k2 = KL(1.0, "k2")(logp[None], ref[None])[0]
    product = (logp - logp.detach()).exp() * k2
    mean = (logp.detach().exp() * product).sum()
    true = (logp.exp() * (logp - ref)).sum()
    ours, exact = (torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (mean, true))
    assert (ours - exact).norm() > 0.05 * exact.norm()


@pytest.mark.parametrize("coef", [-0.1, 0.0, math.inf, math.nan])
def test_a_weight_that_is_not_above_0_is_refused(coef):
    with pytest.raises(ConfigError, match="above 0"):
        KL(coef)


def test_unknown_forms_and_places_are_refused():
    with pytest.raises(ConfigError, match="k1, k2 and k3"):
        KL(0.1, "k4")
    with pytest.raises(ConfigError, match="'loss' or the 'reward'"):
        KL(0.1, "k3", "gradient")


# To the anchor --------------------------------------------------------------------------------


def test_to_the_anchor_the_forms_are_of_the_ratio():
    # The second argument is the anchor now, and log ρ = log π − log π_anchor: −ln 2, 0 and ln 2.
    # k3 is ρ − 1 − log ρ: 1/2 − 1 + ln 2, 0 and 2 − 1 − ln 2.
    expected_BT = torch.tensor([[LN2 - 0.5, 0, 1 - LN2]], dtype=torch.float64)
    assert_close(KL(1.0, to="anchor")(LOGP_BT, REF_BT), expected_BT, rtol=0, atol=1e-12)
    k2_BT = KL(1.0, "k2", to="anchor")(LOGP_BT, REF_BT)
    assert_close(k2_BT, KL(1.0, "k2")(LOGP_BT, REF_BT))


def test_the_reference_is_not_written():
    # repr() is the record of a run, and stands in the config.json of earlier ones.
    assert repr(KL(0.1)) == "KL(coef=0.1, form='k3', where='loss', weighted=False)"
    assert repr(KL(0.1, to="anchor")) == (
        "KL(coef=0.1, form='k3', where='loss', weighted=False, to='anchor')"
    )
    assert eval(repr(KL(0.1, to="anchor"))) == KL(0.1, to="anchor") != KL(0.1)
    assert KL(0.1, to="anchor").describe() == "0.1 in the loss, k3 to the round’s own start"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"to": "teacher"}, "'reference' or to the 'anchor', not to 'teacher'"),
        ({"form": "k1", "where": "reward", "to": "anchor"}, "always 0 in the reward"),
        ({"weighted": True, "to": "anchor"}, "needs no ratio in front"),
    ],
)
def test_impossible_anchors_are_refused(options, said):
    with pytest.raises(ConfigError) as error:
        KL(0.1, **options)
    assert said in str(error.value)
