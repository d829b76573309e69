"""The stages of the line around reinforcement learning, each on the demo's model and in minutes."""

from ..config import Config
from ..objective import named
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
