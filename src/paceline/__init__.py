"""paceline: reinforcement learning with verifiable rewards for language models.

    import paceline
    paceline.train(paceline.recipes.gsm8k(model="./model").with_(objective=paceline.gspo()))

Names are loaded when they are first used: what makes a config, or reads one, loads no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import objective, recipes
    from .analysis.compare import compare
    from .batch import Batch
    from .config import Config
    from .objective import Objective
    from .objective.named import (
        a2c,
        actor_critic,
        bradley_terry,
        cispo,
        dapo,
        distil,
        dpo,
        dr_grpo,
        gmpo,
        grpo,
        gspo,
        ipo,
        luspo,
        opo,
        orpo,
        ppo,
        reinforce,
        reinforce_pp,
        rft,
        rloo,
        sapo,
        sft,
        simpo,
        trpo,
        vapo,
    )
    from .report.inline import show_report
    from .run import Run, resume, train
    from .types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict

__version__ = "0.1.0"

_HOME = {
    "Batch": "batch",
    "Config": "config",
    "Objective": "objective",
    "Run": "run",
    "compare": "analysis.compare",
    "resume": "run",
    "show_report": "report.inline",
    "train": "run",
    **dict.fromkeys(
        ("Completion", "Group", "Problem", "Prompt", "Rollout", "Round", "Verdict"), "types"
    ),
    **dict.fromkeys(
        (
            "a2c", "actor_critic", "bradley_terry", "cispo", "dapo", "distil", "dpo", "dr_grpo",
            "gmpo", "grpo", "gspo", "ipo", "luspo", "opo", "orpo", "ppo", "reinforce",
            "reinforce_pp", "rft", "rloo", "sapo", "sft", "simpo", "trpo", "vapo",
        ),
        "objective.named",
    ),
}  # fmt: skip
_ROOMS = ("objective", "recipes")

__all__ = [
    "Batch", "Completion", "Config", "Group", "Objective", "Problem", "Prompt", "Rollout",
    "Round", "Run", "Verdict", "a2c", "actor_critic", "bradley_terry", "cispo", "compare", "dapo",
    "distil", "dpo", "dr_grpo", "gmpo", "grpo", "gspo", "ipo", "luspo", "objective", "opo", "orpo",
    "ppo", "recipes", "reinforce", "reinforce_pp", "resume", "rft", "rloo", "sapo", "sft",
    "show_report", "simpo", "train", "trpo", "vapo",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module 'paceline' has no attribute '{name}'")
