"""A line: stages of which each begins with what earlier ones leave, and the ways to go on from
there."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ConfigError
from .record import Config


@dataclass(frozen=True, slots=True)
class Line:
    """Stages that are trained once, one after another, and configs that are compared behind them.

    `paceline.compare` makes it; the recipe `line` is one.

    Example: Line("mine", (sft().with_(out="runs/mine/sft"),), {"grpo": grpo, "dpo": dpo}), in which
    both configs have model.path=runs/mine/sft/model.

    Raises: ConfigError for a stage without a directory of its own.
    """

    name: str
    """Name of the line, and of the comparison's directory."""
    stages: tuple[Config, ...]
    """The stages in their order, each with an `out`: what later ones read is in there."""
    ways: Mapping[str, Config]
    """The configs that are compared, by label; the others with the first."""

    def __post_init__(self) -> None:
        places = [stage.out for stage in self.stages]
        for stage in self.stages:
            if stage.out is None or places.count(stage.out) > 1:
                raise ConfigError(
                    f"The stage '{stage.name}' of the line '{self.name}' needs a directory of its "
                    "own, from which later stages read: "
                    f".with_(out='runs/{self.name}/{stage.name}')."
                )
