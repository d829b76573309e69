"""Recipes: functions that return a config. Change one with `.with_(…)`, or write your own."""

from collections.abc import Callable

from ..config import Config, Line
from ..errors import ConfigError, nearest
from .arithmetic import demo, program, tiny
from .gsm8k import gsm8k, gsm8k_lora, gsm8k_zh_coder
from .line import gsm8k_line, line
from .stages import distil, dpo, ppo, reward_model, sft
from .summaries import tldr_length

NAMES: dict[str, Callable[..., Config]] = {
    "demo": demo,
    "tiny": tiny,
    "program": program,
    "gsm8k": gsm8k,
    "gsm8k_lora": gsm8k_lora,
    "gsm8k_zh_coder": gsm8k_zh_coder,
    "tldr_length": tldr_length,
    "sft": sft,
    "ppo": ppo,
    "reward_model": reward_model,
    "dpo": dpo,
    "distil": distil,
}
"""Recipes by name."""


LINES: dict[str, Callable[..., Line]] = {"line": line, "gsm8k_line": gsm8k_line}
"""Lines of several stages by name, for `paceline compare`."""


def by_name(name: str) -> Config:
    """The recipe's config; a ConfigError names the nearest recipe."""
    if name not in NAMES:
        known = [*NAMES, *LINES]
        raise ConfigError(
            f"There is no recipe '{name}'.{nearest(name, known)} There are {', '.join(known)}; a "
            "file.py:function, a config.toml or a run's config.json does as well."
        )
    return NAMES[name]()


__all__ = [
    "LINES", "NAMES", "by_name", "demo", "distil", "dpo", "gsm8k", "gsm8k_line",
    "gsm8k_lora", "gsm8k_zh_coder", "line", "ppo", "program", "reward_model", "sft", "tiny",
    "tldr_length",
]  # fmt: skip
