"""Grade-school mathematics."""

from ..config import Config, Evaluating, Model
from ..objective import named
from ..settings import AdamW, Rollouts
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
        model=Model(path=model),
        objective=named.dr_grpo(),
        steps=200,
        rollouts=Rollouts(problems=16, completions=8, max_tokens=400),
        optimizer=AdamW(lr=1e-6, warmup=10),
        evaluation=Evaluating(problems=500),
        tokens_per_forward=16384,
    )
