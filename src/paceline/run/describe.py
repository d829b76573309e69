"""The description of a run: told before it starts, and kept in config.json."""

import shlex
import sys
import uuid
from itertools import groupby
from pathlib import Path

from .. import config as configuration
from ..config import Config
from ..model.model_size import ModelSize
from ..preflight.environment import machine, versions
from ..preflight.estimate import Estimate, Memory, Seconds
from ..preflight.fingerprint import fingerprints
from ..preflight.limits import disk_in_words
from ..preflight.load import Loaded, sandbox_of
from ..preflight.preflight import Preflight
from ..preflight.resources import Resources
from ..preflight.rows import read_in_all
from ..store.description import RunDescription
from ..text import counted, data_size, rounded_count, short_duration, wall_clock
from ..training.critic import rates_of
from ..types import Completion
from .screen import Screen


def described(loaded: Loaded) -> RunDescription:
    """The description of a run that begins: enough to read the run, to start it again, and to know
    at its resume whether anything has changed."""
    program = Path(sys.argv[0]).name
    return RunDescription(
        name=loaded.config.name,
        id=uuid.uuid4().hex,
        config=configuration.to_json(loaded.config),
        objective=repr(loaded.objective),
        versions=versions(),
        machine=machine(loaded),
        fingerprints=fingerprints(loaded),
        command=shlex.join([program, *sys.argv[1:]]) if program == "paceline" else None,
        started=wall_clock(),
        first_prompt=loaded.first_prompt,
        absent=frozenset({"changes"}),
    )


def tell_plan(preflight: Preflight, path: str, screen: Screen) -> None:
    """Print the resolved plan, before any long work."""
    loaded = preflight.loaded
    config, task = loaded.config, loaded.task
    parts = config.schedule.parts
    screen.say(f"paceline: {config.name}  →  {path}", "bold")
    training = counted(len(task.train), "problem")
    forms = f" ({task.forms})" if task.forms else ""
    screen.say(f"  task       {task.name}: {training}, {len(task.heldout)} held out{forms}")
    screen.say(f"  model      {config.model.path}, {loaded.device.type}, {loaded.dtype}")
    if loaded.lora.on or loaded.objective.of_scores or _forms(loaded):
        screen.say(f"  trains     {trained_in_words(loaded, preflight.estimate.model_size)}")
    screen.say(f"  objective  {loaded.objective}")
    if loaded.objective.needs_values:
        screen.say(f"  critic     {critic_in_words(config)}")
    if wall := sandbox_of(task):
        screen.say(f"  sandbox    {wall}: answers are programs, and are run behind it")
    screen.say(f"  plan       {_plan_of_rows(loaded) if loaded.rows else _plan(config)}")
    for line in estimate_lines(preflight.estimate):
        screen.say(f"  {line}")
    for note in (*task.notes, *preflight.notes):
        screen.say_once(note)
    screen.say("  first row, what trains between ⟦ and ⟧" if loaded.rows else "  first prompt")
    shown = first_row(loaded) if loaded.rows else loaded.first_prompt
    for row in shown.splitlines():
        screen.say(f"    │ {row}", "dim")
    if parts == 1 and loaded.rows is None:
        screen.say_once(
            "one update a round: every ratio is 1, so the clip never binds, and that is right.",
            "dim",
        )


def _plan(config: Config) -> str:
    r, parts = config.rollouts, config.schedule.parts
    rounds = -(-config.steps // parts)
    return (
        f"{counted(rounds, 'round')} of {counted(r.problems, 'problem')} × "
        f"{counted(r.completions, 'completion')} (up to {counted(r.max_tokens, 'token')}), "
        f"{counted(parts, 'update')} each: {counted(config.steps, 'step')}, "
        f"{counted(rounds * r.problems * r.completions, 'completion')}"
    )


def _plan_of_rows(loaded: Loaded) -> str:
    config, rows = loaded.config, loaded.rows
    assert rows is not None
    have, each = len(rows.train), config.rollouts.problems
    total = read_in_all(loaded) or config.steps * each
    tokens = sum(len(r.completion.token_ids) for group in rows.train for r in group.rollouts)
    return (
        f"{counted(config.steps, 'step')} of {counted(each, 'row')}: {total / have:.3g} epochs of "
        f"{counted(have, 'row', ',')}, {tokens / have:.0f} tokens each in the mean"
    )


def first_row(loaded: Loaded) -> str:
    """The first row as the model reads it, with marks around the tokens that train; of a pair the
    preferred completion first."""
    assert loaded.rows is not None
    group = loaded.rows.train[0]
    best, *others = sorted(group.rollouts, key=lambda r: -r.verdict.reward)
    text = loaded.tokenizer.decode(group.prompt.token_ids) + _marked(loaded, best.completion)
    rows = [text, *(_marked(loaded, one.completion) for one in others)]
    return "\nor ".join(row.rstrip("\n") for row in rows)


def _marked(loaded: Loaded, completion: Completion) -> str:
    """A completion's text with marks around the tokens that train."""
    decode = loaded.tokenizer.decode
    sampled = completion.sampled or (True,) * len(completion.token_ids)
    text, at = "", 0
    for trains, run in groupby(sampled):
        length = sum(1 for _ in run)
        piece = decode(completion.token_ids[at : at + length])
        text, at = text + (f"⟦{piece}⟧" if trains else piece), at + length
    return text


def trained_in_words(loaded: Loaded, model_size: ModelSize) -> str:
    """The parameters that learn, with the scale of adapters: a rate means nothing without it.

    Example: adapters of rank 16 on 210 layers, 4.88 of 135 million parameters, scale 2 (alpha /
    rank)
    """
    if not loaded.lora.on:
        told = f"all {rounded_count(model_size.parameters)} parameters"
        if loaded.objective.of_scores:
            layers = counted(model_size.layers, "layer")
            told += f" of a reward model, {layers} and a head of one number"
        return f"{told}{_forms(loaded)}"
    rank, layers = loaded.lora.rank, counted(model_size.adapted_layers, "layer")
    trained, whole = model_size.adapters, model_size.parameters
    share = f"{trained:,} of {whole:,}"
    if whole >= 1e6:
        share = f"{trained / 1e6:.3g} of {whole / 1e6:,.0f} million"
    how = "alpha / √rank" if loaded.lora.stabilised else "alpha / rank"
    scale = f"scale {loaded.lora.scale:g} ({how})"
    return f"adapters of rank {rank} on {layers}, {share} parameters, {scale}{_forms(loaded)}"


def critic_in_words(config: Config) -> str:
    """The critic's body with its learning rates.

    Example: a head over the policy's states, learning rate 0.0003
    """
    critic, rates = config.critic, rates_of(config.critic, config.optimizer)
    warm = f"; alone for {counted(critic.warmup, 'round')}" if critic.warmup else ""
    if critic.body == "shared":
        return f"a head over the policy's states, learning rate {rates.head_lr:.3g}{warm}"
    of_what = "a copy of the policy" if critic.path is None else critic.path
    some = "the first layer" if critic.layers == 1 else f"the first {critic.layers} layers"
    layers = f"{some} of " if critic.layers else ""
    return f"{layers}{of_what}, learning rate {rates.lr:.3g}, of its head {rates.head_lr:.3g}{warm}"


def _forms(loaded: Loaded) -> str:
    """The forms in which something is held to save memory, in words."""
    model, optimizer = loaded.config.model, loaded.config.optimizer
    forms = [
        f"weights in {model.quantisation}" if model.quantisation != "none" else "",
        "moments in 8 bits" if optimizer.moments == "8bit" else "",
        "masters, gradients and moments on the host" if optimizer.offload else "",
        "adapters not merged" if loaded.lora.on and loaded.lora.merge == "no" else "",
    ]
    return "".join(f"; {form}" for form in forms if form)


def next_command(loaded: Loaded, path: Path) -> str:
    """The commands that use the trained model."""
    text = loaded.task.heldout[0].question if loaded.task.heldout else "…"
    return shlex.join(["paceline", "sample", str(path), " ".join(text.split())])


def estimate_lines(estimate: Estimate) -> list[str]:
    """Memory, disk and time, a line each."""
    memory, disk, room = estimate.memory, estimate.disk, estimate.room
    lines = [
        f"memory     up to {data_size(memory.total)} ({_of_memory(memory)}); "
        f"{data_size(room.memory)} are free{_of_host(memory, room)}",
        f"disk       up to {data_size(disk.total)} ({disk_in_words(disk)}); "
        f"{data_size(room.disk)} are free",
    ]
    if estimate.seconds is None:
        return [*lines, "time       not known for this model"]
    return [*lines, f"time       {_of_time(estimate.seconds)}"]


def _of_host(memory: Memory, room: Resources) -> str:
    if not memory.host:
        return ""
    return f"; {data_size(memory.host)} of the machine's own, {data_size(room.host)} are free"


def _of_memory(memory: Memory) -> str:
    parts = (
        ("weights and optimizer", memory.fixed),
        ("update", memory.activations + memory.head),
        ("sampling", memory.decoding),
        ("libraries and gaps", memory.program + memory.gaps),
    )
    return ", ".join(f"{name} {data_size(size)}" for name, size in parts if size)


def _of_time(seconds: Seconds) -> str:
    parts = (
        ("sampling", seconds.sampling),
        ("update", seconds.update),
        ("scoring", seconds.scoring),
        ("evaluation", seconds.evaluation),
        ("checkpoints", seconds.checkpoints),
    )
    told = ", ".join(f"{name} {short_duration(part)}" for name, part in parts if part >= 0.5)
    step = f"{seconds.step:.1f} s" if seconds.step < 10 else short_duration(seconds.step)
    whole = f"up to {short_duration(seconds.total)}{f' ({told})' if told else ''}"
    return f"{whole}, {step} a step; less where answers end early"
