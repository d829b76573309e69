"""What a run is, told before it starts and kept in config.json."""

import json
import shlex
import sys
import uuid
from hashlib import sha256
from pathlib import Path
from typing import Any

from .. import config as configuration
from ..tasks import Task
from . import prepare
from .check import Checked, sandbox_of
from .check_room import estimate_lines
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
        "versions": prepare.versions(),
        "machine": prepare.machine(checked),
        "fingerprints": fingerprints(checked),
        "command": command,
        "started": wall_clock(),
        "first_prompt": checked.first_prompt,
    }


def fingerprints(checked: Checked) -> dict[str, str]:
    """Hashes of what a run reads and does not keep: content, not names."""
    return {
        "problems": _of_task(checked.task),
        "tokenizer": _of_tokenizer(checked.tokenizer),
        "files": _of_files(configuration.to_json(checked.config)),
    }


def _of_files(config: Any) -> str:
    """Of the user's own files that a config names, such as those of a reward or an objective; what
    these import is not followed."""
    digest = sha256()
    for place in sorted(_places(config)):
        path = Path(place).expanduser()
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def _places(value: Any) -> set[str]:
    """Every file.py of a file.py:name in a config as JSON."""
    if isinstance(value, dict):
        return set().union(*map(_places, value.values()))
    if isinstance(value, list):
        return set().union(*map(_places, value))
    place, colon, _ = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    return {place} if colon and place.endswith(".py") else set()


def _of_task(task: Task) -> str:
    """Of every problem with all its columns, and of how they are put to the model."""
    digest = sha256(repr(task.template).encode())
    for side in (task.train, task.heldout):
        digest.update(b"\n--\n")
        for problem in side:
            row = [problem.id, problem.prompt, problem.answer, dict(problem.data)]
            # What is no JSON counts by its type: an object's own words may differ each time.
            digest.update(json.dumps(row, default=lambda value: type(value).__name__).encode())
    return digest.hexdigest()


def _of_tokenizer(tokenizer: Any) -> str:
    """Of its vocabulary, its special tokens and its chat template."""
    words = sorted(tokenizer.get_vocab().items())
    parts = [words, tokenizer.special_tokens_map, tokenizer.chat_template]
    return sha256(json.dumps(parts, default=str).encode()).hexdigest()


def tell_plan(checked: Checked, path: str, screen: Screen) -> None:
    """The resolved plan, before anything long starts."""
    config, task = checked.config, checked.task
    r, parts = config.rollouts, config.schedule.parts
    rounds = -(-config.steps // parts)
    screen.say(f"paceline: {config.name}  →  {path}", "bold")
    screen.say(
        f"  task       {task.name}: {len(task.train)} problems, {len(task.heldout)} held out"
    )
    for note in task.notes:
        screen.say(f"             {note}", "yellow")
    screen.say(f"  model      {config.model.path}, {checked.device.type}, {checked.dtype}")
    screen.say(f"  objective  {checked.objective}")
    if wall := sandbox_of(task):
        screen.say(f"  sandbox    {wall}: answers are programs, and are run behind it")
    screen.say(
        f"  plan       {rounds} rounds of {r.problems} problems × {r.completions} completions "
        f"(up to {r.max_tokens} tokens), {parts} update{'s' if parts > 1 else ''} each: "
        f"{config.steps} steps, {rounds * r.problems * r.completions} completions"
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
