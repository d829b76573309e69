"""Output of `paceline check`: all that was found, a line each."""

from dataclasses import asdict
from typing import Any

from ..config import Config
from ..preflight.load import sandbox_of
from ..preflight.preflight import Preflight, check
from ..preflight.reward import RewardTrial
from ..run.describe import estimate_lines, trained_in_words
from ..run.screen import Screen
from ..store.places import new_path
from ..terminal import print_json
from ..text import counted, rounded_count


def print_check(config: Config, command: str, *, as_json: bool = False) -> None:
    """Check a config as `train` does before it starts, and print the findings.

    Args:
        command: the command that starts the training.

    Raises: UserError as `train` would.
    """
    screen = Screen(0, quiet=as_json)
    path = new_path(config.name, config.out)
    with screen.busy("checking the configuration, the data and the reward"):
        preflight = check(config, path=path)
    if as_json:
        print_json(as_record(preflight, command), indent=2)
        return
    estimate, tried = preflight.estimate, preflight.tried
    assert estimate is not None and tried is not None  # of a training run they are made
    task, lines = preflight.loaded.task, preflight.loaded.first_prompt.splitlines()
    dtype = preflight.loaded.dtype_name
    training = counted(len(task.train), "problem")
    for line in (
        f"task       {task.name}: {training}, {len(task.heldout)} held out",
        f"model      {config.model.path}: {rounded_count(estimate.model_size.parameters)} "
        f"parameters, {dtype}, {preflight.loaded.device.type}",
        f"trains     {trained_in_words(preflight.loaded, estimate.model_size)}",
        f"reward     {_of_reward(tried) if task.judged else 'none: rows bring what is learned'}",
        f"sandbox    {sandbox_of(task) or 'not needed: nothing that a model writes is run'}",
        *estimate_lines(estimate),
        "tokenizer  renders the first prompt as",
        *(f"  │ {line}" for line in lines),
    ):
        screen.say(f"  {line}")
    for note in (*task.notes, *preflight.notes):
        screen.say(f"  note: {note}", "yellow")
    screen.say(f"sound: `{command}`", "bold")


def as_record(preflight: Preflight, command: str) -> dict[str, Any]:
    """The findings as plain JSON."""
    estimate = preflight.estimate
    record = asdict(estimate)
    sizes = record.pop("model_size")
    record = {**{name: sizes[name] for name in ("parameters", "adapters", "context")}, **record}
    record["memory"]["total"], record["disk"]["total"] = estimate.memory.total, estimate.disk.total
    if estimate.seconds is not None:
        record["seconds"]["total"] = estimate.seconds.total
    return {
        "sound": True,
        "command": command,
        "task": {
            "name": preflight.loaded.task.name,
            "training": len(preflight.loaded.task.train),
            "heldout": len(preflight.loaded.task.heldout),
        },
        "model": preflight.loaded.config.model.path,
        "dtype": preflight.loaded.dtype_name,
        "device": preflight.loaded.device.type,
        "first_prompt": preflight.loaded.first_prompt,
        "reward": asdict(preflight.tried),
        "sandbox": sandbox_of(preflight.loaded.task),
        "notes": [*preflight.loaded.task.notes, *preflight.notes],
        **record,
    }


def _of_reward(tried: RewardTrial) -> str:
    """Example: a gold answer earns 1, an empty one 0, junk 0; 0.1 ms each"""
    if not tried.paid:
        return "asks a model, which is loaded later"
    said = {"gold": "a gold answer earns", "empty": "an empty one", "junk": "junk"}
    told = []
    for paid in tried.paid:
        low, high = min(paid.rewards, default=0.0), max(paid.rewards, default=0.0)
        earned = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        told.append(f"{said[paid.kind]} {earned if paid.rewards else 'no verdict'}")
    text = ", ".join(told)
    if not text.startswith("a gold"):
        text = text.replace("an empty one", "an empty answer earns", 1)
    return f"{text}; {tried.milliseconds:.1f} ms each"
