"""Rounds of prescribed work: prompts of an exact length, ragged completions, synthetic rewards.

Drawn by the parent process, once, from a fixed seed, and handed to every side in a file.
"""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import Forced

from paceline.model import resolve
from paceline.model.load import converted
from paceline.model.template import render

TAIL = 16
"""Tokens kept at a prompt's end: the last words and the mark that opens the answer."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The work of one round."""

    prompt: int
    """Tokens of every prompt."""
    problems: int
    completions: int
    """Of each problem."""
    mean: int
    """Tokens of a completion, in the mean of every group."""
    longest: int
    """Tokens of the longest completion of every group."""


def model_folder(name: str) -> str:
    """What both sides can load: a folder, or a hub name. A GGUF file is converted once."""
    source = resolve(name)
    if source.kind == "gguf":
        return str(converted(source.path))
    if source.kind == "tiny":
        raise SystemExit("The word tiny names no folder; give a model that both sides can load.")
    return str(Path(source.path).resolve()) if source.kind == "folder" else source.path


def draw_rounds(
    tokenizer: Any, shape: Shape, count: int, *, no_signal: float = 0.0, seed: int = 0
) -> list[Forced]:
    """`count` rounds of this shape; in a share `no_signal` of a round's groups all rewards are
    equal."""
    draw = random.Random(seed)
    rounds = []
    for _ in range(count):
        silent = draw.sample(range(shape.problems), round(no_signal * shape.problems))
        rounds.append(
            Forced(
                [prompt_of(tokenizer, draw, shape.prompt) for _ in range(shape.problems)],
                [ragged(draw, shape) for _ in range(shape.problems)],
                [
                    [1.0 if q in silent else float(i % 2) for i in range(shape.completions)]
                    for q in range(shape.problems)
                ],
            )
        )
    return rounds


def ragged(draw: random.Random, shape: Shape) -> list[int]:
    """Lengths of a group with exactly the wanted mean and maximum, in no order.

    They lie along longest · u^k for u in (0, 1), whose mean is longest / (k + 1); what rounding
    leaves over is then spread over all but the longest.
    """
    count, longest = shape.completions, shape.longest
    bend = longest / shape.mean - 1
    spread = [(i + draw.random()) / count for i in range(count - 1)]
    lengths = [max(1, round(longest * u**bend)) for u in spread] + [longest]
    while missing := shape.mean * count - sum(lengths):
        i = draw.randrange(count - 1)
        lengths[i] = min(longest, max(1, lengths[i] + (1 if missing > 0 else -1)))
    draw.shuffle(lengths)
    return lengths


def prompt_of(tokenizer: Any, draw: random.Random, length: int) -> list[int]:
    """A word problem of exactly so many tokens: a long one, cut in its middle."""
    text = " ".join(sentence(draw) for _ in range(length // 8 + 4))
    question = f"{text} How many coins does all of this cost together?"
    ids = list(render(tokenizer, [{"role": "user", "content": question}]))
    if length < 2 * TAIL or len(ids) < length:
        raise SystemExit(f"Prompts of {length} tokens cannot be cut out of {len(ids)}.")
    return ids[: length - TAIL] + ids[-TAIL:]


def sentence(draw: random.Random) -> str:
    who = draw.choice(("A baker", "A school", "Mira", "The market hall", "Tom's uncle", "A farmer"))
    what = draw.choice(("apples", "notebooks", "bricks", "boxes of nails", "tickets", "candles"))
    return f"{who} buys {draw.randint(2, 99)} {what} at {draw.randint(2, 49)} coins each."
