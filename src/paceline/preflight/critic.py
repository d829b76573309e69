"""Checks of the config section `critic`: every key changes something, and its model fits the
policy's tokens."""

from dataclasses import fields

from ..config import Config
from ..errors import ConfigError
from ..model import load_tokenizer, resolve
from ..model.model_size import ModelSize
from ..settings import CriticConfig
from .load import Loaded

OF_BODY = {"own": ("layers", "path", "lr"), "shared": ("coef",)}
"""Keys that one kind of body has alone."""


def check_critic(config: Config) -> None:
    """Raise ConfigError for a key of `critic` that would change nothing, or a warm-up that leaves
    the policy no step."""
    critic, objective = config.critic, config.objective
    if not objective.needs_values:
        for name in changed(critic):
            raise ConfigError(
                f"critic.{name} is {getattr(critic, name)}, but {objective} has no critic; leave "
                "it out, or take an objective with one, such as ppo."
            )
        return
    if config.answers == "given":
        raise ConfigError(
            f"{objective} learns from rewards of answers that the model samples; leave "
            "answers=given out, or take objective=sft."
        )
    for body, names in OF_BODY.items():
        for name in names:
            if body != critic.body and name in changed(critic):
                raise ConfigError(
                    f"critic.{name} is {getattr(critic, name)}, but it is for critic.body={body} "
                    f"alone; set that, or leave critic.{name} out."
                )
    if critic.warmup and config.critic_steps >= config.steps:
        raise ConfigError(
            f"critic.warmup is {critic.warmup}, and its rounds take all {config.steps} steps, so "
            "the policy would never learn; set it lower, or set more steps."
        )


def changed(critic: CriticConfig) -> list[str]:
    """The keys whose values are not the defaults."""
    usual = CriticConfig()
    return [f.name for f in fields(critic) if getattr(critic, f.name) != getattr(usual, f.name)]


def check_critics_model(loaded: Loaded) -> None:
    """Raise ConfigError for a critic's model that reads other tokens than the policy's, or has
    fewer layers than it is to have."""
    critic = loaded.config.critic
    if not loaded.objective.needs_values or critic.body == "shared":
        return
    source = loaded.source if critic.path is None else resolve(critic.path)
    if critic.path is not None:
        check_tokens(loaded, "critic.path", critic.path)
    # Raises for more layers than the model has, and for a family without such models.
    ModelSize.of(source, loaded.dtype, layers=critic.layers, scores=True)


def check_tokens(loaded: Loaded, key: str, path: str) -> None:
    """Raise ConfigError if the model of a key reads other tokens than the policy's."""
    if load_tokenizer(resolve(path), "plain").get_vocab() != loaded.tokenizer.get_vocab():
        raise ConfigError(
            f"{key} is '{path}', whose tokenizer has other tokens than that of "
            f"'{loaded.source.name}'; name a model of the same tokenizer, or leave it out."
        )


def critic_size(loaded: Loaded, policy: ModelSize) -> ModelSize | None:
    """The sizes of a critic with a body of its own; None where there is none."""
    critic = loaded.config.critic
    if not loaded.objective.needs_values or critic.body == "shared":
        return None
    source = loaded.source if critic.path is None else resolve(critic.path)
    lora = loaded.lora if policy.adapters else None
    shapes = loaded.adapter.shapes if loaded.adapter and critic.path is None else None
    return ModelSize.of(source, loaded.dtype, lora, shapes, layers=critic.layers, scores=True)
