"""The whole line on the demo's model, in an hour or two without a GPU: what a model learns from
demonstrations, and the ways to go on from there."""

from ..config import Line
from ..objective import named
from ..tasks import by_name
from .arithmetic import demo
from .stages import dpo, reward_model, sft

SFT, SAMPLES, JUDGE = (f"runs/line/{name}" for name in ("sft", "samples", "reward_model"))
"""Directories of the stages."""


def line() -> Line:
    """SmolLM2-135M learns two-digit addition from half of the demo's demonstrations, and then from
    rewards (GRPO), from a reward model (PPO), or from pairs (DPO).

    The reward model and the pairs come from answers of the model that has seen the demonstrations,
    right ones and wrong ones. GRPO is told what is right; PPO is told what the reward model thinks,
    and judged by what is right.
    """
    begin = {"model": {"path": f"{SFT}/model"}}
    measured = {"problems": 500, "every": 10}
    pairs = {"task.path": SAMPLES, "task.pairs": True}
    grpo = demo().with_(steps=40, evaluation=measured, **begin)
    return Line(
        "line",
        stages=(
            sft().with_(out=SFT, steps=15),
            demo().with_(
                name="samples", out=SAMPLES, steps=8, rollouts={"problems": 64},
                optimizer={"lr": 0.0}, evaluation={"problems": 0}, **begin,
            ),
            reward_model().with_(
                out=JUDGE, task=by_name("kept")(), model={"path": f"{SFT}/model", "layers": None},
                **pairs,
            ),
        ),
        ways={
            "grpo": grpo,
            "ppo": grpo.with_(
                objective=named.ppo(kl=0.05), rewards={"model": f"{JUDGE}/model"}
            ),
            "dpo": dpo().with_(steps=20, evaluation=measured, **begin, **pairs),
        },
    )  # fmt: skip
