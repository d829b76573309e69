"""Output of `paceline check --memory`: the ways to train a model, and which fit a card."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.table import Table

from ..config import Config, as_typed
from ..errors import ConfigError
from ..preflight.fits import Fits, Known, fits
from ..run.screen import Screen
from ..terminal import print_json
from ..text import counted, data_size, rounded_count

GIGA = 10**9
"""Bytes of a GB."""
HOW_KNOWN: Mapping[Known, str] = {
    "tokens": "",
    "characters": ", by their characters",
    "nothing": ", a guess: the task's rows cannot be read here; name them with --data",
}
"""Words for each degree to which the length of prompts is known."""


def print_fits(config: Config, gigabytes: float, *, as_json: bool = False) -> None:
    """Estimate every way to train a config's model on a card, and print them.

    Args:
        gigabytes: the card's memory.

    Raises: ConfigError, DataError.
    """
    if not (math.isfinite(gigabytes) and gigabytes > 0):
        raise ConfigError(f"--memory is {gigabytes:g}; give a card's memory in GB, such as 24.")
    screen = Screen(0, quiet=as_json)
    with screen.busy("estimating"):
        found = fits(config, int(gigabytes * GIGA))
    if as_json:
        print_json(as_record(found), indent=2)
        return
    screen.say(
        f"  {found.model}: {rounded_count(found.parameters)} parameters in 16 bits, on a card of "
        f"{data_size(found.card)}"
    )
    r = config.rollouts
    screen.say(
        f"  {r.problems} × {r.completions} completions of up to {r.max_tokens} tokens, "
        f"{config.tokens_per_forward} tokens at once in an update, {config.rows_at_once} rows in "
        "sampling"
    )
    screen.say(
        f"  prompts of up to {counted(found.longest_prompt, 'token')}"
        f"{HOW_KNOWN[found.prompts_known]}"
    )
    screen.show(_table(found))
    for way in found.ways:
        if way.fits:
            keys = " ".join(f"{key}={as_typed(key, value)}" for key, value in way.keys.items())
            screen.say(f"  {way.name}: {keys or 'as it is'}")
        elif way.why_not:
            screen.say(f"  {way.name}: {way.why_not}")


def _table(found: Fits) -> Table:
    table = Table()
    for title in ("", "memory", "held", "update", "sampling", "host", "fits"):
        table.add_column(title, justify="left" if title in ("", "fits") else "right")
    for way in found.ways:
        memory = way.memory
        if memory is None:
            table.add_row(way.name, *[""] * 5, "no")
            continue
        table.add_row(
            way.name,
            data_size(memory.total),
            data_size(memory.fixed),
            data_size(memory.activations + memory.head),
            data_size(memory.decoding),
            data_size(memory.host) if memory.host else "",
            "yes" if way.fits else "no",
        )
    return table


def as_record(found: Fits) -> dict[str, Any]:
    """The ways as plain JSON."""
    ways = [
        {
            "name": way.name, "keys": dict(way.keys), "fits": way.fits, "why_not": way.why_not,
            "memory": way.memory and {**asdict(way.memory), "total": way.memory.total},
        }
        for way in found.ways
    ]  # fmt: skip
    return {
        "model": found.model,
        "parameters": found.parameters,
        "card": found.card,
        "longest_prompt": found.longest_prompt,
        "prompts_known": found.prompts_known,
        "ways": ways,
    }
