"""The reference, and what is known of it."""

import pytest
import torch

from paceline.layout import TokenRows
from paceline.model import WholeReference, make_reference
from paceline.model import reference as room
from tests.helpers.adapters import adapted_policy, fill
from tests.helpers.policies import tiny_policy

ROWS = TokenRows(((5, 6, 7), (9,)), ((8, 11, 2), (3, 4, 5, 2)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_fresh_reference_equals_its_policy_until_one_weight_changes(dtype, monkeypatch):
    monkeypatch.setattr(room, "CHUNK_WEIGHTS", 1000)  # the embedding has 82 · 64 weights
    policy = tiny_policy(dtype)
    reference = make_reference(policy)
    assert reference.equals(policy)
    for _, parameter in policy.module.named_parameters():
        with torch.no_grad():
            last = parameter.view(-1)[-1]
            was = last.clone()
            last += 1
            assert not reference.equals(policy)
            last.copy_(was)
    assert reference.equals(policy)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_equals_the_policy_again_after_a_hard_update_and_not_after_a_soft_one(dtype):
    for alpha in (1.0, 0.5):
        policy = tiny_policy(dtype)
        reference = make_reference(policy, alpha=alpha, every=1)
        with torch.no_grad():
            for name, parameter in policy.module.named_parameters():
                policy.exact_parameters()[name].mul_(1.25)
                parameter.copy_(policy.exact_parameters()[name])
        assert not reference.equals(policy)
        reference.follow(policy, 1)
        assert reference.equals(policy) == (alpha == 1.0)


def test_a_master_that_moved_less_than_its_bf16_weight_shows_is_no_other_policy():
    # The forward pass reads the bf16 weights: log-probabilities are those of the reference.
    policy = tiny_policy(torch.bfloat16)
    reference = make_reference(policy)
    assert policy.masters
    with torch.no_grad():
        for name, parameter in policy.module.named_parameters():
            policy.masters[name].copy_(parameter.float() * (1 + 2**-20))  # bf16 has steps of 2⁻⁸
            parameter.copy_(policy.masters[name])
    assert all(not torch.equal(policy.masters[n], p) for n, p in policy.module.named_parameters())
    assert reference.equals(policy)


def test_a_model_of_its_own_never_changes_and_is_the_policy_only_if_its_weights_are():
    policy = tiny_policy()
    teacher = WholeReference(tiny_policy())
    assert not teacher.follows and teacher.equals(policy)
    assert torch.equal(teacher.score(ROWS, 1.0).logp_BT, policy.score(ROWS, 1.0).logp_BT)
    assert not WholeReference(tiny_policy(seed=1)).equals(policy)
    assert not teacher.equals(adapted_policy()), "a model of another make"
    kept = {name: weight.clone() for name, weight in teacher.exact_parameters().items()}
    with torch.no_grad():
        for parameter in policy.module.parameters():
            parameter.add_(1.0)
    teacher.follow(policy, 1)
    assert all(torch.equal(x, kept[name]) for name, x in teacher.exact_parameters().items())
    assert not teacher.equals(policy)


# With adapters


def test_under_adapters_it_is_the_policy_with_the_adapter_that_it_had_and_no_copy():
    policy = fill(adapted_policy(torch.bfloat16))
    reference = make_reference(policy)
    start = policy.score(ROWS, 1.0).logp_BT
    numbers = sum(t.numel() for t in reference.exact_parameters().values())
    assert numbers == sum(p.numel() for p in policy.trained().values())
    assert reference.equals(policy) and not reference.follows
    now = fill(policy, seed=2).score(ROWS, 1.0).logp_BT
    assert not reference.equals(policy) and not torch.equal(now, start)
    assert torch.equal(reference.score(ROWS, 1.0).logp_BT, start)
    assert torch.equal(policy.score(ROWS, 1.0).logp_BT, now)


def test_under_adapters_it_follows_by_taking_the_policys():
    policy = adapted_policy()
    reference = make_reference(policy, every=2)
    fill(policy)
    reference.follow(policy, 1)
    assert reference.follows and not reference.equals(policy)
    reference.follow(policy, 2)
    kept = {name: t.clone() for name, t in reference.exact_parameters().items()}
    assert reference.equals(policy)
    fill(policy, seed=3)
    assert not reference.equals(policy)
    reference.restore(kept)
    assert all(torch.equal(kept[n], t) for n, t in reference.exact_parameters().items())
    assert set(kept) == set(policy.trained())
