"""The ways to train a model, and which of them fit a card: by the same estimate as a run's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal

import torch

from ..config import Config
from ..config.record import paths
from ..errors import ConfigError, UserError
from ..model import Source, load_tokenizer, resolve
from ..model.model_size import ModelSize
from ..model.shapes import is_size, shape_of
from ..model.template import render
from ..settings import LoraConfig
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
Known = Literal["tokens", "characters", "nothing"]
"""The degree to which prompts are known: as token ids, as text without a tokenizer, or not."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to train, and what it takes."""

    name: str
    """Its name, one of WAYS."""
    keys: Mapping[str, Any]
    """The keys in which it differs from the config."""
    memory: Memory | None
    """Memory that it takes; None if the model cannot be trained in this way."""
    fits: bool = False
    """True if the card has so much memory."""
    why_not: str = ""
    """Why the model cannot be trained in this way, a sentence."""


@dataclass(frozen=True, slots=True)
class Fits:
    """The ways to train a model on a card."""

    model: str
    """The model's name, or that of a model of its size."""
    parameters: int
    """Number of parameters of the model."""
    card: int
    """Bytes of the card's memory."""
    longest_prompt: int
    """Number of tokens of the longest prompt that was reckoned with."""
    prompts_known: Known
    """The degree to which that number is known."""
    ways: tuple[Way, ...]
    """The ways, in the order of WAYS."""


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
        prompts, known = _guessed_prompts(config)
    else:
        source, told, task = resolve(name), name, config.task.load()
        tokenizer = load_tokenizer(source, config.model.chat_template)
        prompts = [render(tokenizer, task.messages(p)) for p in task.train[:MOST_PROMPTS]]
        known: Known = "tokens"

    size_of = cache(partial(ModelSize.of, source, torch.bfloat16))

    def needs(one: Config) -> Memory:
        model_size = size_of(one.lora)
        work = Workload.of(one, one.objective, model_size, prompts, one.evaluation.problems)
        return Memory.of(one, one.objective, model_size, work, torch.bfloat16, GPU)

    ways = []
    for way, keys in WAYS.items():
        try:
            ways.append(_way(way, config, _asked(config, keys), needs, card))
        except ConfigError as error:
            ways.append(Way(way, keys, None, why_not=str(error)))
    longest = max(map(len, prompts))
    return Fits(told, size_of(LoraConfig()).parameters, card, longest, known, tuple(ways))


def _asked(config: Config, keys: Mapping[str, Any]) -> Config:
    """The config in another way, with its own rank if it has one."""
    rank = {"lora.rank": config.lora.rank or 16} if "lora.rank" in keys else {}
    return config.with_(**{**PLAIN, **keys, **rank})


def _way(
    name: str, config: Config, asked: Config, needs: Callable[[Config], Memory], card: int
) -> Way:
    """The way with the largest limits under which it fits; if it fits under none, as it is under
    the smallest."""
    least = None
    for one in _tries(asked):
        least = needs(one)
        if least.total <= card:
            return Way(name, _differences(config, one), least, fits=True)
    return Way(name, _differences(config, asked), least)


def _tries(asked: Config) -> Iterator[Config]:
    """The config under smaller and smaller limits of memory, which change no result but its
    rounding; with merged adapters before others."""
    packs = [one for one in SMALLER_PACKS if one < asked.tokens_per_forward]
    rows = [one for one in SMALLER_ROWS if one < asked.rows_at_once]
    for merge in ("yes", "no") if asked.lora.on else ("yes",):
        for few in (asked.rows_at_once, *rows):
            for pack in (asked.tokens_per_forward, *packs):
                limits = {"tokens_per_forward": pack, "rows_at_once": few, "lora.merge": merge}
                yield asked.with_(**limits)


def _differences(config: Config, other: Config) -> dict[str, Any]:
    """Keys with other values than the config's. That adapters are merged is what auto means where
    there is room."""
    mine, theirs = dict(paths(config)), dict(paths(other))
    found = {key: value for key, value in theirs.items() if value != mine[key]}
    if found.get("lora.merge") == "yes":
        del found["lora.merge"]
    return found


def _guessed_prompts(config: Config) -> tuple[list[Sequence[int]], Known]:
    """Prompts of about the right number of tokens, or of some if the task's data is not here."""
    try:
        task = config.task.load()
    except UserError:
        return [range(USUAL_PROMPT)] * config.rollouts.problems, "nothing"
    lengths = (
        sum(len(turn["content"]) for turn in task.messages(problem))
        for problem in task.train[:MOST_PROMPTS]
    )
    guessed = [[1] * (8 + int(length / CHARACTERS_PER_TOKEN)) for length in lengths]
    return list[Sequence[int]](guessed), "characters"
