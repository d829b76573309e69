"""The stages of the line around reinforcement learning, each on the demo's model and in minutes."""

from ..config import Config
from ..objective import named
from ..tasks import Manners, by_name
from .arithmetic import demo


def sft() -> Config:
    """SmolLM2-135M learns two-digit addition from 960 worked sums, one epoch: supervised
    fine-tuning."""
    return demo().with_(
        name="sft",
        answers="given",
        objective=named.sft(),
        steps=30,
        rollouts={"problems": 32},
        optimizer={"lr": 5e-5, "warmup": 3},
        evaluation={"problems": 500},
    )


def reward_model() -> Config:
    """The first eight layers of SmolLM2-135M learn which of two answers to a sum has the better
    manners: a reward model, from 480 pairs in one epoch."""
    return demo().with_(
        name="reward_model",
        task=Manners(),
        answers="given",
        objective=named.bradley_terry(centre=0.01),
        model={"layers": 8},
        steps=15,
        rollouts={"problems": 32},
        optimizer={"lr": 1e-5, "head_lr": 1e-3, "warmup": 3},
        evaluation={"problems": 300},
    )


def dpo() -> Config:
    """The demo's model learns from pairs of its own answers, a right one and a wrong one of the
    same round: direct preference optimisation. It needs `paceline train demo` first."""
    return demo().with_(
        name="dpo",
        task=by_name("kept")(),
        answers="given",
        objective=named.dpo(),
        model={"path": "runs/demo/model"},
        steps=30,
        rollouts={"problems": 32},
        optimizer={"lr": 1e-5, "warmup": 3},
        evaluation={"problems": 500},
        **{"task.path": "runs/demo", "task.pairs": True},
    )


def ppo() -> Config:
    """SmolLM2-135M learns two-digit addition with PPO: a critic's forecast stands in the place of
    the group's mean. The critic is a head over the policy's own states."""
    return demo().with_(
        name="ppo",
        objective=named.ppo(),
        critic={"body": "shared"},
    )


def distil() -> Config:
    """SmolLM2-135M learns two-digit addition from what a teacher thinks of every token that it
    samples: distillation. It needs `paceline train sft` first, whose model is the teacher."""
    return demo().with_(
        name="distil",
        objective=named.distil(),
        reference={"path": "runs/sft/model"},
        steps=40,
    )
