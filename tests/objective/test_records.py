"""Records: choosing rows, and metrics that add. Letters: B rows, T tokens."""

import math
from dataclasses import replace

import pytest
import torch

from paceline.objective import Metrics, PairMetrics, Scores, Tokens
from paceline.objective.records import kept


def tokens(anchor=True):
    base_BT = torch.arange(6.0).reshape(3, 2)
    return Tokens(
        mask_BT=torch.tensor([[1, 1], [1, 0], [0, 0]]).bool(),
        anchor_BT=base_BT if anchor else None,
        old_BT=base_BT + 10,
        ref_BT=base_BT + 20 if anchor else None,
        advantage_BT=base_BT + 30,
        weight_BT=base_BT + 40,
    )


def test_rows_takes_the_same_rows_of_every_tensor():
    for index in ([2, 0], torch.tensor([2, 0])):
        some = tokens().rows(index)
        assert some.mask_BT.tolist() == [[False, False], [True, True]]
        assert some.anchor_BT.tolist() == [[4, 5], [0, 1]]
        assert some.old_BT.tolist() == [[14, 15], [10, 11]]
        assert some.ref_BT.tolist() == [[24, 25], [20, 21]]
        assert some.advantage_BT.tolist() == [[34, 35], [30, 31]]
        assert some.weight_BT.tolist() == [[44, 45], [40, 41]]


def test_rows_by_slice_and_by_mask_and_what_is_not_there_stays_so():
    some = tokens(anchor=False).rows(slice(1, 2))
    assert some.old_BT.tolist() == [[12, 13]]
    assert some.anchor_BT is None and some.ref_BT is None
    assert tokens().rows(tokens().mask_BT.any(-1)).old_BT.tolist() == [[10, 11], [12, 13]]


def test_cut_takes_the_first_columns_of_every_tensor():
    some = tokens().cut(1)
    assert some.mask_BT.tolist() == [[True], [True], [False]]
    assert some.anchor_BT.tolist() == [[0], [2], [4]]
    assert some.old_BT.tolist() == [[10], [12], [14]]
    assert some.ref_BT.tolist() == [[20], [22], [24]]
    assert some.advantage_BT.tolist() == [[30], [32], [34]]
    assert some.weight_BT.tolist() == [[40], [42], [44]]
    assert tokens(anchor=False).cut(1).anchor_BT is None


def test_where_the_policy_is_the_reference_is_known_of_any_of_the_rows():
    some = replace(tokens(), at_reference=True)
    taken = (some.rows([2]), some.cut(1), some.on_one_row(some.mask_BT), some.to("meta"))
    assert all(t.at_reference for t in taken) and not tokens().rows([2]).at_reference


def test_to_moves_every_tensor():
    # "meta" is a device that every machine has.
    some = tokens().to("meta")
    for x_BT in (some.mask_BT, some.anchor_BT, some.old_BT, some.ref_BT, some.weight_BT):
        assert x_BT.device.type == "meta"
    assert some.advantage_BT.device.type == "meta"
    assert tokens(anchor=False).to("meta").ref_BT is None


def test_metrics_add_sums_and_take_maxima():
    a = Metrics(4, 0.5, 8.0, 2.0, 1.5, 1, 0.4, 0.3)
    b = Metrics(6, -1.0, 2.0, 1.0, 1.25, 2, 0.6, 0.5)
    both = a + b
    assert both == Metrics(10, -0.5, 10.0, 3.0, 1.5, 3, 1.0, 0.5)
    # The means are over all ten tokens: not the mean of 2 and 1/3.
    assert (both.entropy, both.kl, both.clip_fraction, both.mismatch) == (1.0, 0.3, 0.3, 0.1)


def test_zero_metrics_change_nothing():
    for a in (Metrics(4, 0.5, 8.0, 2.0, 1.5, 1, 0.4, 0.3), Metrics(4, 0.5, 8.0)):
        assert a + Metrics.zero() == a == Metrics.zero() + a
        assert sum([a, a], Metrics.zero()) == a + a


def test_means_of_nothing_are_none():
    zero = Metrics.zero()
    assert (zero.entropy, zero.kl, zero.clip_fraction, zero.mismatch) == (None,) * 4
    # With tokens, but without a reference or a bound:
    some = Metrics(tokens=2, entropy_sum=1.0, mismatch_sum=3.0)
    assert (some.entropy, some.kl, some.clip_fraction, some.mismatch) == (0.5, None, None, 1.5)


def test_metrics_of_the_scores_alone():
    # Two rows of three tokens; the second token of the first is a tool's, so that this row has two
    # runs, which end in tokens of probability 1/2 and 1/4; the other row ends in one of 1/8.
    logp_BT = torch.tensor([[0.5, math.nan, 0.25], [0.5, 0.125, math.inf]]).log()
    mask_BT = torch.tensor([[1, 0, 1], [1, 1, 0]]).bool()
    entropy_BT = torch.tensor([[1.0, math.nan, 2.0], [3.0, 4.0, math.nan]])
    found = Metrics.of(Scores(logp_BT, entropy_BT), mask_BT)
    assert (found.tokens, found.ends, found.entropy_sum) == (4, 3, 10.0)
    assert found.nll_sum == pytest.approx(math.log(2) * (1 + 2 + 1 + 3))
    assert found.end_probability == pytest.approx((1 / 2 + 1 / 4 + 1 / 8) / 3)
    assert found.nll == pytest.approx(math.log(2) * 7 / 4) and found.pairs is None


def test_pairs_add_where_there_are_any():
    some = Metrics(tokens=2, pairs=PairMetrics(pairs=1, right=0.5))
    assert (some + some).pairs == PairMetrics(pairs=2, right=1.0)
    assert (some + Metrics(tokens=1)).pairs == some.pairs == (Metrics.zero() + some).pairs
    assert (Metrics() + Metrics()).pairs is None


def test_kept_is_exactly_0_elsewhere_in_value_and_gradient():
    x_BT = torch.tensor([[1.0, math.nan, math.inf]], requires_grad=True)
    y_BT = kept(x_BT, torch.tensor([[True, False, False]]))
    assert y_BT.tolist() == [[1, 0, 0]]
    assert torch.autograd.grad(y_BT.sum(), x_BT)[0].tolist() == [[1, 0, 0]]
