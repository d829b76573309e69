"""Flat tokens through a policy's backbone."""

from torch import Tensor

from ..model import Policy
from ..model.attention import Attending, attending_by


def forward(policy: Policy, ids_N: Tensor, position_N: Tensor, attending: Attending) -> Tensor:
    """[N, D] the hidden states of flat tokens that see each other as `attending` says."""
    with attending_by(policy.module):
        return policy.backbone(
            input_ids=ids_N[None],
            position_ids=position_N[None],
            use_cache=False,
            attending=attending,
        ).last_hidden_state[0]
