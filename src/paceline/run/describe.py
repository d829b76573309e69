"""What a run is, told before it starts and kept in config.json."""

import shlex
import sys
import uuid
from pathlib import Path
from typing import Any

from .. import config as configuration
from ..preflight.check import Checked, sandbox_of
from ..preflight.fingerprint import fingerprints
from ..preflight.limits import estimate_lines
from ..text import counted
from . import build
from .screen import Screen, wall_clock


def described(checked: Checked) -> dict[str, Any]:
    """config.json: enough to read the run, to start it again, and to know at its resume whether
    anything has changed."""
    program = Path(sys.argv[0]).name
    command = shlex.join([program, *sys.argv[1:]]) if program == "paceline" else None
    return {
        "name": checked.config.name,
        "id": uuid.uuid4().hex,
        "config": configuration.to_json(checked.config),
        "objective": repr(checked.objective),
        "versions": build.versions(),
        "machine": build.machine(checked),
        "fingerprints": fingerprints(checked),
        "command": command,
        "started": wall_clock(),
        "first_prompt": checked.first_prompt,
    }


def tell_plan(checked: Checked, path: str, screen: Screen) -> None:
    """The resolved plan, before anything long starts."""
    config, task = checked.config, checked.task
    r, parts = config.rollouts, config.schedule.parts
    rounds = -(-config.steps // parts)
    screen.say(f"paceline: {config.name}  →  {path}", "bold")
    training = counted(len(task.train), "problem")
    screen.say(f"  task       {task.name}: {training}, {len(task.heldout)} held out")
    for note in task.notes:
        screen.say(f"             {note}", "yellow")
    screen.say(f"  model      {config.model.path}, {checked.device.type}, {checked.dtype}")
    screen.say(f"  objective  {checked.objective}")
    if wall := sandbox_of(task):
        screen.say(f"  sandbox    {wall}: answers are programs, and are run behind it")
    screen.say(
        f"  plan       {counted(rounds, 'round')} of {counted(r.problems, 'problem')} × "
        f"{counted(r.completions, 'completion')} (up to {counted(r.max_tokens, 'token')}), "
        f"{counted(parts, 'update')} each: {counted(config.steps, 'step')}, "
        f"{counted(rounds * r.problems * r.completions, 'completion')}"
    )
    for line in estimate_lines(checked.estimate) if checked.estimate else ():
        screen.say(f"  {line}")
    for note in checked.notes:
        screen.say_once(note)
    screen.say("  first prompt")
    for row in checked.first_prompt.splitlines():
        screen.say(f"    │ {row}", "dim")
    if parts == 1:
        screen.say_once(
            "one update a round: every ratio is 1, so the clip never binds, and that is right.",
            "dim",
        )


def next_command(checked: Checked, path: Path) -> str:
    """What a user may do with the trained model."""
    question = checked.task.heldout[0].prompt if checked.task.heldout else "…"
    text = question if isinstance(question, str) else question[-1]["content"]
    return shlex.join(["paceline", "sample", str(path), " ".join(text.split())])
