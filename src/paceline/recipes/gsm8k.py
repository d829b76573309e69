"""Grade-school mathematics."""

from ..config import Config, EvalConfig, ModelConfig
from ..objective import named
from ..settings import OptimizerConfig, RolloutConfig
from ..tasks import Gsm8k


def gsm8k(model: str = "Qwen/Qwen2.5-0.5B-Instruct", data: str | None = None) -> Config:
    """GSM8K with Dr.GRPO and full weights.

    The default model answers without a thinking phase, so that 400 tokens are enough.

    Args:
        model: as in `paceline.model.load`.
        data: a folder with train.jsonl and test.jsonl; None reads openai/gsm8k from the hub.
    """
    return Config(
        name="gsm8k",
        task=Gsm8k(data=data),
        model=ModelConfig(path=model),
        objective=named.dr_grpo(),
        steps=200,
        rollouts=RolloutConfig(problems=16, completions=8, max_tokens=400),
        optimizer=OptimizerConfig(lr=1e-6, warmup=10),
        evaluation=EvalConfig(problems=500),
        tokens_per_forward=16384,
    )
