"""What a KL in the loss pulls towards, in expectation: by enumeration over a small vocabulary, so
that an expectation is a sum and nothing is sampled.

Letters: V words, S completions of two words, T = 2. All in float64.
"""

import itertools

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from paceline.objective import KL, Center, Objective, PerToken, Scores, Tokens

V = 5
SEEDS = range(4)


def three(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of a policy (with gradient), and the log-probabilities of an anchor and a reference
    that differ from it and from each other."""
    generator = torch.Generator().manual_seed(seed)
    logits_V, anchor_V, ref_V = torch.randn(3, V, generator=generator, dtype=torch.float64)
    return logits_V.requires_grad_(), anchor_V.log_softmax(0), ref_V.log_softmax(0)


def slope(x: Tensor, logits: Tensor) -> Tensor:
    return torch.autograd.grad(x, logits, retain_graph=True)[0]


def divergence(logp_V: Tensor, logq_V: Tensor) -> Tensor:
    """KL(p ‖ q) = Σ p (log p − log q)."""
    return (logp_V.exp() * (logp_V - logq_V)).sum(-1)


def expected(kl: KL, logp_V: Tensor, ref_V: Tensor, anchor_V: Tensor) -> Tensor:
    """The estimate's mean over what the anchor samples; what was sampled has no gradient."""
    return (anchor_V.detach().exp() * kl(logp_V[None], ref_V[None], anchor_V.detach()[None])).sum()


@pytest.mark.parametrize("off_policy", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_weighted_k3_has_the_value_and_the_gradient_of_the_kl(seed, off_policy):
    logits_V, anchor_V, ref_V = three(seed)
    logp_V = logits_V.log_softmax(0)
    sampler_V = anchor_V if off_policy else logp_V
    true = divergence(logp_V, ref_V)
    ours = expected(KL(1.0, weighted=True), logp_V, ref_V, sampler_V)
    assert_close(ours, true, rtol=1e-12, atol=1e-14)
    assert_close(slope(ours, logits_V), slope(true, logits_V), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seed", SEEDS)
def test_k3_alone_has_on_policy_the_gradient_of_the_other_direction_and_off_policy_of_none(seed):
    logits_V, anchor_V, ref_V = three(seed)
    logp_V = logits_V.log_softmax(0)
    there, back = (
        slope(divergence(*pair), logits_V) for pair in ((logp_V, ref_V), (ref_V, logp_V))
    )
    # ∇k3 = (1 − e^d) ∇log π, and Σ π (1 − π_ref/π) ∇log π = −Σ π_ref ∇log π = ∇KL(π_ref ‖ π).
    on_policy = slope(expected(KL(1.0), logp_V, ref_V, logp_V), logits_V)
    assert_close(on_policy, back, rtol=1e-12, atol=1e-14)
    assert (on_policy - there).norm() > 0.05 * there.norm()
    off_policy = slope(expected(KL(1.0), logp_V, ref_V, anchor_V), logits_V)
    for one in (there, back):
        assert (off_policy - one).norm() > 0.05 * one.norm()


@pytest.mark.parametrize("seed", SEEDS)
def test_over_completions_it_is_the_kl_of_each_word_behind_what_the_anchor_wrote(seed):
    # Every completion of two words over V, weighed by its probability under the anchor. A policy
    # here is a table: the logits of the first word, and of the second behind each first one.
    generator = torch.Generator().manual_seed(seed)
    tables = torch.randn(3, 1 + V, V, generator=generator, dtype=torch.float64)
    logits, (anchor, ref) = tables[0].clone().requires_grad_(), tables[1:].log_softmax(-1)
    logp = logits.log_softmax(-1)
    words_S2 = torch.tensor(list(itertools.product(range(V), repeat=2)))

    def of_words(table: Tensor) -> Tensor:
        first_S, second_S = words_S2.T
        return torch.stack([table[0, first_S], table[1 + first_S, second_S]], 1)

    weight_ST = of_words(anchor).sum(1, keepdim=True).exp().expand(-1, 2)
    nothing_ST = torch.zeros_like(weight_ST)
    tokens = Tokens(
        mask_BT=nothing_ST == 0, anchor_BT=of_words(anchor), old_BT=of_words(anchor),
        ref_BT=of_words(ref), advantage_BT=nothing_ST, weight_BT=weight_ST,
    )  # fmt: skip
    objective = Objective(advantage=Center(), weight=PerToken(), kl=KL(0.3, weighted=True))
    loss = objective.value(Scores(of_words(logp), nothing_ST), tokens)
    each = divergence(logp, ref)
    true = 0.3 * (each[0] + (anchor[0].exp() * each[1:]).sum())
    assert_close(loss, true, rtol=1e-12, atol=1e-14)
    assert_close(slope(loss, logits), slope(true, logits), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seed", SEEDS)
def test_in_the_loss_it_is_the_product_of_the_ratio_and_k3_term_by_term(seed):
    """Against the product as it is printed, differentiated as a whole, token by token."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randn(4, 3, 6, generator=generator, dtype=torch.float64)
    anchor_BT, ref_BT = -draw[0].abs(), -draw[1].abs()
    logp_BT = (anchor_BT + 0.5 * draw[2]).requires_grad_()
    mask_BT = torch.rand(3, 6, generator=generator) < 0.7
    weight_BT = draw[3].abs()
    tokens = Tokens(
        mask_BT=mask_BT, anchor_BT=anchor_BT, old_BT=anchor_BT, ref_BT=ref_BT,
        advantage_BT=torch.zeros_like(draw[0]), weight_BT=weight_BT,
    )  # fmt: skip
    objective = Objective(advantage=Center(), kl=KL(0.2, weighted=True))
    ours = objective.value(Scores(logp_BT, torch.zeros_like(draw[0])), tokens)
    theirs = torch.zeros((), dtype=torch.float64)
    for i, t in mask_BT.nonzero().tolist():
        d = ref_BT[i, t] - logp_BT[i, t]
        ratio = (logp_BT[i, t] - anchor_BT[i, t]).exp()
        theirs = theirs + weight_BT[i, t] * 0.2 * ratio * (d.exp() - d - 1)
    assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    assert_close(slope(ours, logp_BT), slope(theirs, logp_BT), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("seed", SEEDS)
def test_to_the_anchor_k3_has_the_value_and_the_gradient_of_the_kl_from_the_anchor(seed):
    logits_V, anchor_V, _ = three(seed)
    logp_V = logits_V.log_softmax(0)
    true = divergence(anchor_V, logp_V)
    ours = expected(KL(1.0, to="anchor"), logp_V, anchor_V, anchor_V)
    assert_close(ours, true, rtol=1e-12, atol=1e-14)
    assert_close(slope(ours, logits_V), slope(true, logits_V), rtol=1e-12, atol=1e-14)
