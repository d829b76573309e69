"""The switches of other trainers, each beside the value that is the same here.

docs/migrating.md shows the same rows; tests/docs holds its tables to `PEERS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from paceline import objective as room
from paceline.objective import Objective
from tests.helpers.peers import (
    group_then_batch,
    openrlhf_reinforce,
    trl,
    verl,
    williams,
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A trainer's switches, and the value that is the same here."""

    trainer: str
    switches: str
    ours: str
    """As Python, over the names of `paceline.objective`."""
    theirs: Callable[..., Tensor]
    """(part, weight of the KL) -> loss; TRL's also take whether it is corrected."""
    kl: tuple[str, str] = ("k3", "loss")
    """Which KL, and where, when its weight is not 0."""

    @property
    def value(self) -> Objective:
        return eval(self.ours, vars(room))


NARROW = {"low": 3e-4, "high": 4e-4}
IN_REWARD = ("k1", "reward")
PEERS = [
    Peer("TRL", "the defaults", "dapo(high=0.2)", trl()),
    Peer("TRL", 'loss_type="dapo", epsilon_high=0.28', "dapo()", trl(high=0.28)),
    Peer("TRL", 'loss_type="grpo"', "grpo()", trl("grpo")),
    Peer(
        "TRL",
        'loss_type="grpo", scale_rewards="none"',
        "Objective(advantage=Center(), weight=PerSequence())",
        trl("grpo", scale="none"),
    ),
    Peer(
        "TRL",
        'loss_type="grpo", delta=4.0',
        "Objective(advantage=ZScore(), surrogate=DualClip(0.2, floor=4.0), weight=PerSequence())",
        trl("grpo", delta=4.0),
    ),
    Peer(
        "TRL",
        'loss_type="dr_grpo", scale_rewards="none"',
        "dr_grpo(length=512)",
        trl("dr_grpo", scale="none"),
    ),
    Peer(
        "TRL",
        'loss_type="dr_grpo"',
        "Objective(advantage=ZScore(), weight=PerConstant(512))",
        trl("dr_grpo"),
    ),
    Peer(
        "TRL",
        'loss_type="grpo", importance_sampling_level="sequence", epsilon=3e-4, epsilon_high=4e-4',
        "gspo()",
        trl("grpo", level="sequence", **NARROW),
    ),
    Peer(
        "TRL",
        'importance_sampling_level="sequence"',
        "Objective(advantage=ZScore(), ratio=SequenceRatio())",
        trl(level="sequence"),
    ),
    Peer("TRL", 'loss_type="cispo", epsilon_high=5.0', "cispo()", trl("cispo", high=5.0)),
    Peer("TRL", 'loss_type="sapo"', "sapo()", trl("sapo")),
    Peer(
        "TRL",
        'loss_type="luspo", importance_sampling_level="sequence", epsilon=3e-4, epsilon_high=4e-4',
        "luspo()",
        trl("luspo", level="sequence", **NARROW),
    ),
    Peer(
        "verl",
        "adv_estimator=grpo",
        "Objective(advantage=ZScore(eps=1e-6), surrogate=DualClip(0.2))",
        verl(),
    ),
    Peer(
        "verl",
        "adv_estimator=grpo, loss_agg_mode=seq-mean-token-mean",
        "Objective(advantage=ZScore(eps=1e-6), surrogate=DualClip(0.2), weight=PerSequence())",
        verl(agg="seq-mean-token-mean"),
    ),
    Peer(
        "verl",
        "adv_estimator=grpo, clip_ratio_high=0.28",
        "Objective(advantage=ZScore(eps=1e-6), surrogate=DualClip(0.2, 0.28))",
        verl(high=0.28),
    ),
    Peer(
        "verl",
        "adv_estimator=grpo, norm_adv_by_std_in_grpo=False, "
        "loss_agg_mode=seq-mean-token-sum-norm, loss_scale_factor=256",
        "Objective(advantage=Center(), surrogate=DualClip(0.2), weight=PerConstant(256))",
        verl(agg="seq-mean-token-sum-norm", by_std=False),
    ),
    Peer(
        "verl",
        "loss_mode=gspo, loss_agg_mode=seq-mean-token-mean, clip_ratio_low=3e-4, "
        "clip_ratio_high=4e-4",
        "gspo(eps=1e-6)",
        verl(mode="gspo", agg="seq-mean-token-mean", **NARROW),
    ),
    Peer(
        "verl",
        "loss_mode=cispo, clip_ratio_low=1, clip_ratio_high=4",
        "cispo(eps=1e-6)",
        verl(mode="cispo", low=1.0, high=4.0),
    ),
    Peer(
        "verl",
        "loss_mode=sapo, loss_agg_mode=seq-mean-token-mean",
        "sapo(eps=1e-6)",
        verl(mode="sapo", agg="seq-mean-token-mean"),
    ),
    Peer(
        "verl",
        "loss_mode=geo_mean, loss_agg_mode=seq-mean-token-mean, clip_ratio_low=0.4, "
        "clip_ratio_high=0.4",
        "gmpo(eps=1e-6)",
        verl(mode="geo_mean", agg="seq-mean-token-mean", low=0.4, high=0.4),
    ),
    Peer(
        "verl",
        "adv_estimator=rloo, loss_mode=gpg, loss_agg_mode=seq-mean-token-sum",
        "rloo()",
        verl("rloo", "gpg", agg="seq-mean-token-sum"),
        IN_REWARD,
    ),
    Peer(
        "verl",
        "adv_estimator=rloo",
        "Objective(advantage=LeaveOneOut(), surrogate=DualClip(0.2))",
        verl("rloo"),
        IN_REWARD,
    ),
    Peer(
        "verl",
        "adv_estimator=opo, loss_mode=gpg, loss_agg_mode=seq-mean-token-sum",
        "opo()",
        verl("opo", "gpg", agg="seq-mean-token-sum"),
        IN_REWARD,
    ),
    Peer(
        "verl",
        "adv_estimator=opo",
        "Objective(advantage=LengthWeighted(), surrogate=DualClip(0.2))",
        verl("opo"),
        IN_REWARD,
    ),
    Peer(
        "verl",
        "adv_estimator=reinforce_plus_plus",
        "Objective(advantage=ReturnToGo(ddof=1), surrogate=DualClip(0.2))",
        verl("reinforce_plus_plus"),
        IN_REWARD,
    ),
    Peer(
        "OpenRLHF", "algo.advantage.estimator=reinforce", "reinforce_pp()", openrlhf_reinforce,
        IN_REWARD,
    ),
    Peer(
        "the paper", "with baseline", "reinforce_pp(baseline=True)", group_then_batch,
        ("k2", "loss"),
    ),
    Peer("the paper", "no baseline", "reinforce()", williams, IN_REWARD),
]  # fmt: skip
