"""The ways to train a model, and which of them fit a card: by the same estimate as a run's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..config import Config
from ..errors import UserError
from ..model import Source, load_tokenizer, resolve
from ..model.model_size import ModelSize
from ..model.shapes import is_size, shape_of
from ..model.template import render
from .estimate import Memory
from .workload import Workload

GPU = torch.device("cuda")
"""The kind of device whose memory is estimated; there need not be one."""
WAYS: Mapping[str, Mapping[str, Any]] = {
    "full": {},
    "full, 8-bit moments": {"optimizer.moments": "8bit"},
    "full, offloaded": {"optimizer.offload": True},
    "LoRA": {"lora.rank": 16},
    "LoRA on int8": {"lora.rank": 16, "model.quantisation": "int8"},
    "LoRA on nf4": {"lora.rank": 16, "model.quantisation": "nf4"},
}
"""Name of each way to train -> the keys that it sets."""
PLAIN: Mapping[str, Any] = {
    "lora.rank": 0, "lora.start": None, "lora.merge": "yes", "model.quantisation": "none",
    "optimizer.moments": "fp32", "optimizer.offload": False,
}  # fmt: skip
"""Values of the keys that a way does not set."""
SMALLER_PACKS, SMALLER_ROWS = (8192, 4096, 2048, 1024), (64, 32, 16)
"""Values of tokens_per_forward and rows_at_once that are tried where the config's need too much."""
USUAL_PROMPT = 256
"""Tokens of a prompt where nothing is known of the task."""
CHARACTERS_PER_TOKEN = 3.0
"""Characters of a prompt's token, fewer than usual, where there is no tokenizer to ask."""
MOST_PROMPTS = 64
"""Number of prompts that are measured."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to train, and what it takes."""

    name: str
    keys: Mapping[str, Any]
    """The keys that it sets, beside the config's own."""
    memory: Memory
    fits: bool
    """True if the card has so much memory."""


@dataclass(frozen=True, slots=True)
class Fits:
    """The ways to train a model on a card."""

    model: str
    """The model's name, or that of a model of its size."""
    parameters: int
    card: int
    """Bytes of the card's memory."""
    ways: tuple[Way, ...]


def fits(config: Config, card: int) -> Fits:
    """Estimate every way to train a config's model on a card, in 16 bits.

    Args:
        config: `model.path` may be a number of parameters, such as 7B.
        card: bytes of the card's memory.

    Raises: ConfigError, DataError for a model or a task that cannot be read.
    """
    name = config.model.path
    if is_size(name):
        source, told = Source(name, "shape", name), f"{name}, as {shape_of(name).model}"
        prompts = _guessed_prompts(config)
    else:
        source, told, task = resolve(name), name, config.task.load()
        tokenizer = load_tokenizer(source, config.model.chat_template)
        prompts = [render(tokenizer, task.messages(p)) for p in task.train[:MOST_PROMPTS]]
    sizes = {adapted: _size(source, config, adapted) for adapted in (False, True)}
    ways = [_way(name, keys, config, sizes, prompts, card) for name, keys in WAYS.items()]
    return Fits(told, sizes[False].parameters, card, tuple(ways))


def _size(source: Source, config: Config, adapted: bool) -> ModelSize:
    rank = (config.lora.rank or 16) if adapted else 0
    lora = config.with_(lora={"rank": rank, "start": None}).lora
    return ModelSize.of(source, torch.bfloat16, lora)


def _guessed_prompts(config: Config) -> list[Sequence[int]]:
    """Prompts of about the right number of tokens, or of some if the task's data is not here."""
    try:
        task = config.task.load()
    except UserError:
        return [range(USUAL_PROMPT)] * config.rollouts.problems
    lengths = (
        sum(len(turn["content"]) for turn in task.messages(problem))
        for problem in task.train[:MOST_PROMPTS]
    )
    return [[1] * (8 + int(length / CHARACTERS_PER_TOKEN)) for length in lengths]


def _way(
    name: str,
    keys: Mapping[str, Any],
    config: Config,
    sizes: Mapping[bool, ModelSize],
    prompts: Sequence[Sequence[int]],
    card: int,
) -> Way:
    """A way with the largest limits of memory under which it fits, or, if it fits with none, with
    the smallest."""
    adapted = "lora.rank" in keys
    own = {"lora.rank": config.lora.rank or 16} if adapted else {}
    asked = config.with_(**{**PLAIN, **keys, **own})
    needs: Memory | None = None
    for limits in _limits(config, adapted=adapted):
        one = asked.with_(**limits)
        work = Workload.of(one, one.objective, sizes[adapted], prompts, one.evaluation.problems)
        needs = Memory.of(one, one.objective, sizes[adapted], work, torch.bfloat16, GPU)
        if needs.total <= card:
            return Way(name, {**keys, **own, **limits}, needs, fits=True)
    assert needs is not None  # there is one try at least
    return Way(name, {**keys, **own}, needs, fits=False)


def _limits(config: Config, *, adapted: bool) -> Iterator[dict[str, Any]]:
    """Keys that limit memory and change no result but its rounding, the largest limits first;
    merged adapters before others."""
    merges = ({}, {"lora.merge": "no"}) if adapted else ({},)
    packs, rows = config.tokens_per_forward, config.rows_at_once
    for merge in merges:
        yield merge
        for pack in (one for one in SMALLER_PACKS if one < packs):
            lower = {**merge, "tokens_per_forward": pack}
            yield lower
            yield from ({**lower, "rows_at_once": few} for few in SMALLER_ROWS if few < rows)
