"""Summaries of posts."""

from ..config import Config, EvalConfig, ModelConfig
from ..objective import named
from ..settings import OptimizerConfig, RolloutConfig
from ..tasks import Tldr


def tldr_length(model: str = "Qwen/Qwen2.5-0.5B-Instruct", data: str | None = None) -> Config:
    """Posts of Reddit summed up in 50 characters with GRPO, rewarded for the length alone.

    The first example of many tutorials: the reward is −|50 − length|, and a summary counts as right
    within a tenth of the target (45 to 55 characters). It teaches a length and nothing of quality:
    nobody checks that the summary fits the post, any text of 50 characters earns full marks, and
    none at all earns more than one of 101 characters. So its accuracy says how often the length is
    met. `task.target` and `task.unit` set another length.

    Args:
        model: as in `paceline.model.load`.
        data: rows with a column `prompt`: a file, a folder or a hub name; None reads trl-lib/tldr
            from the hub.
    """
    return Config(
        name="tldr_length",
        task=Tldr(data=data, target=50, unit="characters"),
        model=ModelConfig(path=model),
        # Lengths are hundreds of characters apart at first and a few later: dividing by the
        # group's deviation makes both the same size.
        objective=named.grpo(),
        steps=200,
        rollouts=RolloutConfig(problems=8, completions=8, max_tokens=128),
        optimizer=OptimizerConfig(lr=5e-6, warmup=10),
        evaluation=EvalConfig(problems=500),
    )
