"""The configuration: one frozen value that describes a whole run.

Recipes make one, the command line and TOML files change keys of one, a run keeps one.
"""

from .line import Line
from .objectives import labelled, objective_from, split
from .record import Config, EngineConfig, EvalConfig, ModelConfig, ReferenceConfig
from .stored import as_typed, describe_objective, from_json, renewed, to_json
from .text import CHOSEN, Key, apply, chosen, keys, read_toml

__all__ = [
    "CHOSEN", "Config", "EngineConfig", "EvalConfig", "Key", "Line", "ModelConfig",
    "ReferenceConfig", "apply", "as_typed", "chosen", "describe_objective", "from_json", "keys",
    "labelled", "objective_from", "read_toml", "renewed", "split", "to_json",
]  # fmt: skip
