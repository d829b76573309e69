"""Adapters in PEFT's format: a folder with adapter_config.json and adapter_model.safetensors, which
PEFT, transformers and vLLM read.

PEFT itself is not imported: it would bring all its methods into every run for two small files.
Tests read what is written here with PEFT, and here what PEFT wrote.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import ConfigError
from ..settings import LoraConfig
from .files import telling_of_the_disk
from .lora import PARTS, adapt, adaptable, draw, lora_layers

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
"""Begin of every tensor's name in PEFT's files, before the model's own."""
PLAIN_STARTS = (None, True, False, "gaussian", "eva", "orthogonal")
"""Ways to begin an adapter, as PEFT names them, that leave the base model's weights as they are."""

UNTRAINED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "peft_type": (lambda v: str(v).upper() != "LORA", "another kind of adapter than LoRA"),
    "use_dora": (bool, "DoRA"),
    "modules_to_save": (bool, "whole layers beside the adapter"),
    "bias": (lambda v: v not in (None, "none"), "trained biases"),
    "lora_bias": (bool, "trained biases"),
    "lora_dropout": (bool, "dropout, under which no ratio of probabilities is exact"),
    "rank_pattern": (bool, "another rank in some layers"),
    "alpha_pattern": (bool, "another alpha in some layers"),
    "layer_replication": (bool, "repeated layers"),
    "trainable_token_indices": (bool, "trained embeddings"),
    "target_parameters": (bool, "adapters of parameters that are no layers"),
    "fan_in_fan_out": (bool, "transposed weights"),
    "init_lora_weights": (lambda v: v not in PLAIN_STARTS, "a start that changes the base model"),
}
"""Key of adapter_config.json -> whether its value asks for something that is not trained here, and
what that is."""


@dataclass(frozen=True, slots=True)
class FoundAdapter:
    """An adapter in a folder."""

    lora: LoraConfig
    """Its rank, alpha and scale, and an expression for the names of its layers."""
    base: str | None
    """The name of the model that it was trained on, as its maker gave it."""


def find_adapter(lora: LoraConfig) -> FoundAdapter:
    """The adapter in the folder `lora.start`, from its config file alone.

    Raises: ConfigError if there is none, if it has parts that are not trained here, or if the
        settings ask for another rank, alpha, scale or layers.
    """
    folder = Path(lora.start or "").expanduser()
    if not (folder / CONFIG_FILE).is_file():
        raise ConfigError(
            f"There is no adapter at '{lora.start}' ({CONFIG_FILE} is missing); give a folder in "
            "PEFT's format, such as the folder adapter of a finished run."
        )
    try:
        data = json.loads((folder / CONFIG_FILE).read_bytes())
        found = {key: data.get(key) for key in UNTRAINED}
        rank, alpha = int(data["r"]), float(data["lora_alpha"])
        rooted = bool(data.get("use_rslora"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"'{folder / CONFIG_FILE}' cannot be read ({error}); check that the folder is whole."
        ) from None
    for key, (wrong, what) in UNTRAINED.items():
        if wrong(found[key]):
            raise ConfigError(
                f"The adapter at '{lora.start}' has {what} ({key}={found[key]!r}), which is not "
                "trained here; merge it into its model with PEFT, and start from that."
            )
    taken = replace(lora, rank=rank, alpha=alpha, stabilised=rooted)
    _check_same(lora, taken)
    with _readable(folder / WEIGHTS_FILE), safe_open(folder / WEIGHTS_FILE, "pt") as file:
        names = layers_of(_own_names(lora.start, file.keys()).values())
    exactly = f"^({'|'.join(map(re.escape, names))})$"
    return FoundAdapter(replace(taken, layers=exactly), data.get("base_model_name_or_path"))


def _check_same(asked: LoraConfig, found: LoraConfig) -> None:
    """Raise ConfigError where a key was set, and the adapter has another value."""
    usual = LoraConfig()
    for key in ("rank", "alpha", "stabilised"):
        mine, its = getattr(asked, key), getattr(found, key)
        if mine != its and mine != getattr(usual, key):
            raise ConfigError(
                f"lora.{key} is {mine}, but the adapter at '{asked.start}' has {its}; leave the "
                "key out, and the adapter's value is taken."
            )
    if asked.layers != usual.layers:
        raise ConfigError(
            f"lora.layers is {asked.layers!r}, but the layers are those of the adapter at "
            f"'{asked.start}'; leave the key out."
        )


def adapt_as(module: Any, lora: LoraConfig, seed: int) -> None:
    """Give a model the adapters of some settings: new ones, or those of the folder `lora.start`.

    Raises: ConfigError if they do not fit the model.
    """
    if lora.start is None:
        adapt(module, lora)
        draw(module, seed)
        return
    lora, tensors = find_adapter(lora).lora, _tensors(lora.start)
    adapt(module, lora, layers_of(tensors))
    with torch.no_grad():
        for name, layer in lora_layers(module).items():
            for part in PARTS:
                _fill(getattr(layer, part), tensors, f"{name}.{part}", lora)


def _tensors(start: str) -> dict[str, Tensor]:
    """A and B of an adapter, by the names of our parameters."""
    path = Path(start).expanduser() / WEIGHTS_FILE
    with _readable(path):
        read = load_file(path)
    return {name: read[key] for key, name in _own_names(start, read).items()}


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        raise ConfigError(
            f"'{path}' cannot be read ({error}); check that the folder is whole, and that its "
            "weights are safetensors."
        ) from None


def _own_names(start: str | None, keys: Iterable[str]) -> dict[str, str]:
    """PEFT's names of an adapter's tensors -> the names of our parameters.

    Raises: ConfigError for a tensor that is neither A nor B.
    """
    names = {key: key.removeprefix(PREFIX).removesuffix(".weight") for key in keys}
    for key, name in names.items():
        if name.rpartition(".")[2] not in PARTS:
            raise ConfigError(
                f"The adapter at '{start}' has a part '{key}', which is not trained here; merge it "
                "into its model with PEFT, and start from that."
            )
    return names


def layers_of(names: Iterable[str]) -> list[str]:
    """The layers that some of our parameters belong to."""
    return sorted({name.rpartition(".")[0] for name in names})


def _fill(parameter: Tensor, tensors: Mapping[str, Tensor], name: str, lora: LoraConfig) -> None:
    found = tensors.get(name)
    if found is None or found.shape != parameter.shape:
        shape = "is missing" if found is None else f"has the shape {tuple(found.shape)}"
        raise ConfigError(
            f"The adapter at '{lora.start}' does not fit the model: {name} {shape}, and it would "
            f"be {tuple(parameter.shape)}; take the model that it was trained on."
        )
    parameter.copy_(found)


def write_adapter(module: Any, folder: Path, base: str) -> None:
    """Write a model's adapters as a folder that `PeftModel.from_pretrained` loads.

    Args:
        base: the name of the model under them, as the user gave it.

    Raises: OSError if the disk is full, or cannot be written.
    """
    layers = lora_layers(module)
    first = next(iter(layers.values()))
    tensors = {
        f"{PREFIX}{name}.{part}.weight": getattr(layer, part).detach().cpu().contiguous()
        for name, layer in layers.items()
        for part in PARTS
    }
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": first.rank,
        "lora_alpha": first.scale * first.rank,
        "use_rslora": False,  # the scale is in alpha: a reader that knows no rsLoRA reads it too
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "init_lora_weights": True,
        "modules_to_save": None,
        "target_modules": _targets(module, list(layers)),
    }
    with telling_of_the_disk():
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})
        (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n")


def _targets(module: Any, names: list[str]) -> list[str]:
    """The adapted layers by the last words of their names if these name no other, as most readers
    expect; otherwise by their whole names."""
    last = {name.rpartition(".")[2] for name in names}
    every = [name for name in adaptable(module) if name.rpartition(".")[2] in last]
    return sorted(last) if len(every) == len(names) else sorted(names)
