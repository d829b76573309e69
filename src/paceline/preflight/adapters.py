"""Remarks on the settings of adapters, before anything is trained."""

from .. import recipes
from ..config import Config
from ..settings import LoraConfig
from .load import Loaded

LOW_RATE = 5e-6
"""Learning rate below which adapters hardly move: a usual one for all weights."""
HIGH_RATE = 1e-4
"""Learning rate from which adapters learn, though a recipe for all weights should have it too."""
TIMES = 10
"""The best rate of adapters divided by that of all weights (Schulman et al., LoRA Without Regret,
2025)."""


def remarks(loaded: Loaded) -> list[str]:
    """A sentence for each setting that is likely to be a mistake."""
    return [
        *_of_rate(loaded),
        *_of_base(loaded),
        *_of_merging(loaded),
        *_without_rank(loaded.config.lora),
    ]


def _of_rate(loaded: Loaded) -> list[str]:
    rate = loaded.config.optimizer.lr
    if not loaded.lora.on or rate == 0 or not (rate < LOW_RATE or _of_all_weights(loaded.config)):
        return []
    return [
        f"optimizer.lr is {rate:g}, a rate for all weights; adapters take about {TIMES} times as "
        f"much and hardly learn with less (scale {loaded.lora.scale:g} here): try "
        f"optimizer.lr={TIMES * rate:g} or more."
    ]


def _of_all_weights(config: Config) -> bool:
    """True if the rate is still that of the run's recipe, which trains all weights."""
    if config.name not in recipes.NAMES or config.optimizer.lr >= HIGH_RATE:
        return False
    recipe = recipes.by_name(config.name)
    return not recipe.lora.on and recipe.optimizer.lr == config.optimizer.lr


def _of_base(loaded: Loaded) -> list[str]:
    """An adapter on another model than its own answers gibberish, and nothing fails."""
    made = loaded.adapter.base if loaded.adapter else None
    here = loaded.config.model.path
    if not made or made == here:
        return []
    return [
        f"the adapter at '{loaded.lora.start}' says that it was made for '{made}', and the model "
        f"here is '{here}'; it is of use on the same weights only."
    ]


def _of_merging(loaded: Loaded) -> list[str]:
    if not loaded.lora.on or loaded.lora.merge != "no":
        return []
    why = "" if loaded.config.lora.merge == "no" else ", because memory has no room for both"
    return [
        f"weights and adapters are multiplied one after the other{why}: sampling is slower, and "
        "the model of the run's end, where they are merged, rounds a little differently."
    ]


def _without_rank(lora: LoraConfig) -> list[str]:
    usual = LoraConfig()
    keys = ("alpha", "stabilised", "layers")
    changed = [key for key in keys if getattr(lora, key) != getattr(usual, key)]
    if lora.on or not changed:
        return []
    return [
        f"lora.{changed[0]} is set, but lora.rank is 0, so all weights are trained; for adapters "
        "set lora.rank=16."
    ]
