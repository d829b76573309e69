"""Checks of the config section `reference`: a teacher that is named is read, one that is needed is
named, and it reads the policy's tokens."""

from ..config import Config
from ..errors import ConfigError
from ..model import resolve
from ..model.model_size import ModelSize
from ..objective import Objective
from ..objective.advantage import reads_reference
from .critic import check_tokens
from .load import Loaded


def check_reference(config: Config) -> None:
    """Raise ConfigError for an advantage that has no teacher to compare with, or a model that
    nothing would read."""
    objective, path = config.objective, config.reference.path
    if path is not None and not objective.needs_reference:
        raise ConfigError(
            f"reference.path is '{path}', but {objective} measures to no reference; leave it out, "
            "or take an objective with one, such as distil or grpo(kl=0.04)."
        )
    # The policy as it began has nothing to teach.
    if path is None and isinstance(objective, Objective) and reads_reference(objective.advantage):
        raise ConfigError(
            f"{objective.advantage} learns from another model; name it, such as "
            "reference.path=runs/sft/model, or take objective=sft on answers that it has written."
        )


def check_teachers_model(loaded: Loaded) -> None:
    """Raise ConfigError for a reference that reads other tokens than the policy."""
    path = loaded.config.reference.path
    if path is not None:
        check_tokens(loaded, "reference.path", path)


def teacher_size(loaded: Loaded) -> ModelSize | None:
    """The sizes of a reference that is a model of its own; None where there is none."""
    path = loaded.config.reference.path
    return None if path is None else ModelSize.of(resolve(path), loaded.dtype)
