"""What is compared: one config for every objective and every value of a varied key."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...config import Config, apply, split
from ...errors import ConfigError
from ...objective import Objective


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the things that are compared.

    Example: Arm("gspo optimizer.lr=1e-06", config)
    """

    label: str
    """As it stands in tables."""
    config: Config
    """Of its runs, but for the seed and the directory."""

    @property
    def folder(self) -> str:
        """The label as a directory's name."""
        return re.sub(r"[^\w.=+-]+", "-", self.label).strip("-.")


def arms_of(
    config: Config,
    objectives: Mapping[str, Objective],
    vary: Mapping[str, Sequence[str]],
) -> list[Arm]:
    """Every objective with every value of the varied keys, in that order.

    Args:
        objectives: by label; none of them leaves the config's own.
        vary: key -> its values as text, as on the command line.

    Raises: ConfigError for an unknown key or a value of the wrong type, where two are the same, and
        where there is nothing to compare.
    """
    found = []
    for label, objective in objectives.items() or [("", config.objective)]:
        for values in itertools.product(*vary.values()):
            pairs = dict(zip(vary, values, strict=True))
            words = [label, *(f"{key}={value}" for key, value in pairs.items())]
            own = apply(config.with_(objective=objective), pairs)
            found.append(Arm(" ".join(w for w in words if w), own))
    _check(found)
    return found


def _check(arms: Sequence[Arm]) -> None:
    if len(arms) < 2:
        raise ConfigError(
            "A comparison needs at least two things to compare; name objectives (--objectives "
            "grpo,gspo) or values of a key (--vary optimizer.lr=1e-6,5e-6)."
        )
    for one, other in itertools.combinations(arms, 2):
        if one.config == other.config:
            raise ConfigError(
                f"'{one.label}' and '{other.label}' are the same, and would give the same runs; "
                "leave one out."
            )
        if one.folder.lower() == other.folder.lower():
            raise ConfigError(
                f"'{one.label}' and '{other.label}' would share the directory "
                f"'{one.folder}'; give one of them another label."
            )


def varied(words: Sequence[str]) -> dict[str, list[str]]:
    """--vary KEY=VALUE,VALUE as a mapping. Raises: ConfigError where that is not its form."""
    found: dict[str, list[str]] = {}
    for word in words:
        key, equals, values = word.partition("=")
        chosen = split(values)
        if not equals or len(chosen) < 2:
            raise ConfigError(
                f"--vary takes a key and at least two values, such as optimizer.lr=1e-6,5e-6, not "
                f"'{word}'."
            )
        if key in found:
            raise ConfigError(f"--vary names {key} twice; give all its values at once.")
        if key in ("seed", "out", "name"):
            raise ConfigError(f"{key} cannot be varied: every run has its own.")
        found[key] = chosen
    return found
