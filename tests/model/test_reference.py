"""The reference, and what is known of it."""

import pytest
import torch

from paceline.model import Reference
from paceline.model import reference as room
from tests.helpers.policies import tiny_policy


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_fresh_reference_equals_its_policy_until_one_weight_changes(dtype, monkeypatch):
    monkeypatch.setattr(room, "CHUNK_WEIGHTS", 1000)  # the embedding has 82 · 64 weights
    policy = tiny_policy(dtype)
    reference = Reference(policy)
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
        reference = Reference(policy, alpha=alpha, every=1)
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
    reference = Reference(policy)
    assert policy.masters
    with torch.no_grad():
        for name, parameter in policy.module.named_parameters():
            policy.masters[name].copy_(parameter.float() * (1 + 2**-20))  # bf16 has steps of 2⁻⁸
            parameter.copy_(policy.masters[name])
    assert all(not torch.equal(policy.masters[n], p) for n, p in policy.module.named_parameters())
    assert reference.equals(policy)
