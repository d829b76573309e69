"""What a run is, told before it starts and kept in config.json."""

import shlex
import sys
import uuid
from pathlib import Path
from typing import Any

from .. import config as configuration
from ..preflight.environment import machine, versions
from ..preflight.fingerprint import fingerprints
from ..preflight.limits import estimate_lines
from ..preflight.load import Loaded, sandbox_of
from ..preflight.preflight import Preflight
from ..text import counted
from .screen import Screen, wall_clock


def described(loaded: Loaded) -> dict[str, Any]:
    """config.json: enough to read the run, to start it again, and to know at its resume whether
    anything has changed."""
    program = Path(sys.argv[0]).name
    command = shlex.join([program, *sys.argv[1:]]) if program == "paceline" else None
    return {
        "name": loaded.config.name,
        "id": uuid.uuid4().hex,
        "config": configuration.to_json(loaded.config),
        "objective": repr(loaded.objective),
        "versions": versions(),
        "machine": machine(loaded),
        "fingerprints": fingerprints(loaded),
        "command": command,
        "started": wall_clock(),
        "first_prompt": loaded.first_prompt,
    }


def tell_plan(preflight: Preflight, path: str, screen: Screen) -> None:
    """The resolved plan, before anything long starts."""
    loaded = preflight.loaded
    config, task = loaded.config, loaded.task
    r, parts = config.rollouts, config.schedule.parts
    rounds = -(-config.steps // parts)
    screen.say(f"paceline: {config.name}  →  {path}", "bold")
    training = counted(len(task.train), "problem")
    screen.say(f"  task       {task.name}: {training}, {len(task.heldout)} held out")
    for note in task.notes:
        screen.say(f"             {note}", "yellow")
    screen.say(f"  model      {config.model.path}, {loaded.device.type}, {loaded.dtype}")
    screen.say(f"  objective  {loaded.objective}")
    if wall := sandbox_of(task):
        screen.say(f"  sandbox    {wall}: answers are programs, and are run behind it")
    screen.say(
        f"  plan       {counted(rounds, 'round')} of {counted(r.problems, 'problem')} × "
        f"{counted(r.completions, 'completion')} (up to {counted(r.max_tokens, 'token')}), "
        f"{counted(parts, 'update')} each: {counted(config.steps, 'step')}, "
        f"{counted(rounds * r.problems * r.completions, 'completion')}"
    )
    for line in estimate_lines(preflight.estimate):
        screen.say(f"  {line}")
    for note in preflight.notes:
        screen.say_once(note)
    screen.say("  first prompt")
    for row in loaded.first_prompt.splitlines():
        screen.say(f"    │ {row}", "dim")
    if parts == 1:
        screen.say_once(
            "one update a round: every ratio is 1, so the clip never binds, and that is right.",
            "dim",
        )


def next_command(loaded: Loaded, path: Path) -> str:
    """What a user may do with the trained model."""
    question = loaded.task.heldout[0].prompt if loaded.task.heldout else "…"
    text = question if isinstance(question, str) else question[-1]["content"]
    return shlex.join(["paceline", "sample", str(path), " ".join(text.split())])
