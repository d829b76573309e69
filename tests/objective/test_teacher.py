"""The advantage of distillation. Letters: B rows, T tokens."""

import math

import pytest
import torch
from torch.testing import assert_close

from paceline.objective import Teacher, distil
from tests.helpers.rounds import make_round


def test_it_is_the_teachers_log_probability_less_the_policys_at_sampled_tokens():
    round = make_round(
        [[1, 0]],
        [[3, 1]],
        sampled=[(True, False, True), (True,)],
        ref=((-1.0, math.nan, -0.5), (-2.0,)),
        anchor=((-3.0, math.nan, -0.25), (-2.0,)),
    )
    expected_BT = torch.tensor([[2.0, 0, -0.25], [0, 0, 0]], dtype=torch.float64)
    assert_close(Teacher()(round), expected_BT, rtol=0, atol=1e-12)


def test_without_either_column_it_says_what_to_fill():
    column = ((-1.0, -1.0),)
    for columns in ({}, {"ref": column}, {"anchor": column}):
        with pytest.raises(ValueError, match=r"Round\.ref and Round\.anchor"):
            Teacher()(make_round([[1]], **columns))


def test_an_objective_of_it_asks_for_both():
    objective = distil()
    assert objective.needs_reference and objective.needs_anchor_for_advantages
    assert not objective.needs_values and objective.drops_signalless
    assert objective.penalised(round := make_round([[1]])) is round


def test_its_expected_gradient_is_that_of_the_divergence_to_the_teacher():
    # Over a vocabulary of 4 the expectation is a sum: Σ p·A·∇ log p = −∇ KL(p ‖ teacher).
    generator = torch.Generator().manual_seed(0)
    logits_V, teacher_V = torch.randn(2, 4, generator=generator, dtype=torch.float64)
    logits_V.requires_grad_()
    logp_V, teacher_V = logits_V.log_softmax(0), teacher_V.log_softmax(0)
    p_V = logp_V.detach().exp()
    rows = [(float(x),) for x in teacher_V], [(float(x),) for x in logp_V.detach()]
    round = make_round([[0.0] * 4], [[1] * 4], ref=tuple(rows[0]), anchor=tuple(rows[1]))
    a_V = Teacher()(round)[:, 0]
    (ours_V,) = torch.autograd.grad((p_V * a_V * logp_V).sum(), logits_V, retain_graph=True)
    (true_V,) = torch.autograd.grad((logp_V.exp() * (logp_V - teacher_V)).sum(), logits_V)
    assert_close(ours_V, -true_V, rtol=1e-10, atol=1e-12)
