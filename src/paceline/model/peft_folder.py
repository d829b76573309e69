"""Adapters in PEFT's format: a folder with adapter_config.json and adapter_model.safetensors, which
PEFT, transformers and vLLM read.

PEFT itself is not imported: it would bring all its methods into every run for two small files.
Tests read what is written here with PEFT, and here what PEFT wrote.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import ConfigError
from ..settings import LoraConfig
from .files import telling_of_the_disk
from .lora import PARTS, adapt, adaptable, adapter_of, draw, lora_layers

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
"""Begin of every tensor's name in PEFT's files, before the model's own."""
PLAIN_STARTS = (None, True, False, "gaussian", "eva", "orthogonal")
"""Ways to begin an adapter, as PEFT names them, that leave the base model's weights as they are."""

HARMLESS = frozenset({
    "base_model_name_or_path", "revision", "task_type", "inference_mode", "peft_version",
    "auto_mapping", "r", "lora_alpha", "use_rslora", "target_modules", "exclude_modules",
    "layers_to_transform", "layers_pattern", "runtime_config", "megatron_core", "eva_config",
    "qalora_group_size", "ensure_weight_tying",
})  # fmt: skip
"""Keys of adapter_config.json that change nothing of what a trained adapter computes, beside its
tensors."""
OFF = (None, False, "none", 0, 0.0, [], {})
"""Values of any other key with which it is of no effect."""
NAMES: Mapping[str, str] = {
    "use_dora": "DoRA",
    "modules_to_save": "whole layers beside the adapter",
    "bias": "trained biases",
    "lora_bias": "trained biases",
    "lora_dropout": "dropout, under which no ratio of probabilities is exact",
    "rank_pattern": "another rank in some layers",
    "alpha_pattern": "another alpha in some layers",
    "layer_replication": "repeated layers",
    "trainable_token_indices": "trained embeddings",
    "target_parameters": "adapters of parameters that are no layers",
    "fan_in_fan_out": "transposed weights",
}
"""Names of what some keys ask for."""

Shapes = Mapping[str, tuple[int, ...]]
"""The shape of each tensor of an adapter, by the name of our parameter."""


@dataclass(frozen=True, slots=True)
class FoundAdapter:
    """An adapter in a folder."""

    lora: LoraConfig
    """The settings, with its rank, alpha and scale."""
    shapes: Shapes
    """The shapes of its tensors."""
    base: str | None
    """The name of the model that it was trained on, as its maker gave it."""


def find_adapter(lora: LoraConfig) -> FoundAdapter:
    """The adapter in the folder `lora.start`, without its numbers.

    Raises: ConfigError if there is none, if it has parts that are not trained here, or if the
        settings ask for another rank, alpha, scale or layers.
    """
    start = str(lora.start)
    path = Path(start).expanduser() / CONFIG_FILE
    if not path.is_file():
        raise ConfigError(
            f"There is no adapter at '{start}' ({CONFIG_FILE} is missing); give a folder in PEFT's "
            "format, such as the folder adapter of a finished run."
        )
    try:
        data = json.loads(path.read_bytes())
        rank, alpha = int(data["r"]), float(data["lora_alpha"])
        rooted, base = bool(data.get("use_rslora")), data.get("base_model_name_or_path")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"'{path}' cannot be read ({error}); check that the folder is whole."
        ) from None
    _check_trained(start, data)
    if rank < 1:
        raise ConfigError(f"The adapter at '{start}' has the rank {rank}; give another one.")
    taken = replace(lora, rank=rank, alpha=alpha, stabilised=rooted)
    _check_same(lora, taken)
    weights = path.with_name(WEIGHTS_FILE)
    with _readable(weights), safe_open(weights, "pt") as file:
        names = _own_names(start, file.keys())
        shapes = {own: tuple(file.get_slice(key).get_shape()) for key, own in names.items()}
    return FoundAdapter(taken, shapes, base)


def _check_trained(start: str, data: Mapping[str, Any]) -> None:
    """Raise ConfigError for a key that asks for something that is not trained here."""
    if str(data.get("peft_type")).upper() != "LORA":
        raise ConfigError(
            f"The adapter at '{start}' is no LoRA (peft_type={data.get('peft_type')!r}); only such "
            "are trained here."
        )
    for key, value in data.items():
        if key in HARMLESS or key == "peft_type" or value in OFF:
            continue
        if key == "init_lora_weights" and value in PLAIN_STARTS:
            continue
        what = NAMES.get(key, f"the part {key}")
        if key == "init_lora_weights":
            what = "a start that changes the base model"
        raise ConfigError(
            f"The adapter at '{start}' has {what} ({key}={value!r:.60}), which is not trained "
            "here; merge it into its model with PEFT, and start from that."
        )


def _check_same(asked: LoraConfig, found: LoraConfig) -> None:
    """Raise ConfigError where a key was set, and the adapter has another value."""
    usual = LoraConfig()
    for key in ("rank", "alpha", "stabilised"):
        mine, its = getattr(asked, key), getattr(found, key)
        if mine != its and mine != getattr(usual, key):
            raise ConfigError(
                f"lora.{key} is {mine}, but the adapter at '{asked.start}' has {its}; set "
                f"lora.{key}={its}."
            )
    if asked.layers != usual.layers:
        raise ConfigError(
            f"lora.layers is {asked.layers!r}, but the layers are those of the adapter at "
            f"'{asked.start}'; set lora.layers=all."
        )


def check_shapes(module: Any, lora: LoraConfig, shapes: Shapes) -> None:
    """Raise ConfigError where an adapter does not fit the adapted layers of a model."""
    for name, part in adapter_of(module).items():
        shape = tuple(part.shape)
        if shapes.get(name) != shape:
            found = f"has the shape {shapes[name]}" if name in shapes else "is missing"
            raise ConfigError(
                f"The adapter at '{lora.start}' does not fit the model: {name} {found}, and it "
                f"would be {shape}; take the model that it was trained on."
            )


def adapt_as(module: Any, lora: LoraConfig, seed: int) -> None:
    """Give a model the adapters of some settings: new ones, or those of the folder `lora.start`.

    Raises: ConfigError if they do not fit the model.
    """
    if lora.start is None:
        adapt(module, lora)
        draw(module, seed)
        return
    found = find_adapter(lora)
    adapt(module, found.lora, layers_of(found.shapes))
    check_shapes(module, found.lora, found.shapes)
    tensors = _tensors(lora.start)
    for name, part in adapter_of(module).items():
        part.copy_(tensors[name])


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


def write_adapter(module: Any, folder: Path, base: str) -> None:
    """Write a model's adapters as a folder that `PeftModel.from_pretrained` loads.

    Args:
        base: the name of the model under them, as the user gave it.

    Raises: OSError if the disk is full, or cannot be written.
    """
    layers = lora_layers(module)
    first = next(iter(layers.values()))
    tensors = {
        f"{PREFIX}{name}.weight": part.cpu().contiguous()
        for name, part in adapter_of(module).items()
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
