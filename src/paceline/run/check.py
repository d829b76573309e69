"""Everything that can be known before the model is loaded, checked in seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from .. import config as configuration
from ..config import Config
from ..engine import Sampling
from ..errors import ConfigError, DataError
from ..model import Source, load_tokenizer, resolve
from ..model.load import best_dtype
from ..model.model_size import ModelSize
from ..model.template import render
from ..objective import Objective
from ..tasks import Task
from ..text import counted
from ..training import check_loss
from ..types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict
from ..verify.calling.load import is_of_session
from ..verify.calling.verifier import check_verifier, leaves
from ..verify.programs.program import RunsPrograms
from .calibrate import measured
from .check_prompts import check_prompts
from .check_reward import Tried, try_reward
from .check_room import check_disk, check_memory, check_others
from .estimate import Disk, Estimate, Memory, Seconds
from .room import Room
from .work import Work

LOOKED_AT = 64
"""Prompts that are measured, spread evenly over the problems."""
CHARACTERS = 1 << 20
"""Of prompts, after which no further one is measured."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A config that was found sound: what is needed to start it."""

    config: Config
    source: Source
    tokenizer: Any
    task: Task
    objective: Objective
    """With its constants filled in."""
    device: torch.device
    dtype: torch.dtype
    first_prompt: str
    """As the model will see it."""
    tried: Tried | None = None
    """What the reward said; None where nothing will be trained."""
    estimate: Estimate | None = None
    """What a run will need; likewise."""
    notes: tuple[str, ...] = ()
    """What is no reason to stop, a sentence each; the task has its own."""


def check(
    config: Config, *, train: bool = True, path: Path | None = None, timed: bool = True
) -> Checked:
    """Find what would fail later, in seconds, before the model is loaded.

    Args:
        train: also what only a training run needs: enough problems, prompts that fit, a reward that
            answers, memory, disk; and estimate what it will take.
        path: the run's directory; what it holds already is not written again. If None, the
            config's own, or one in runs.
        timed: measure this machine for a second, to say how long it will take.

    Raises: ConfigError, DataError, RewardError, SandboxError.
    """
    source = resolve(config.model.path)
    device = device_of(config.model.device)
    task = config.task.load()
    if train:
        _check_round(config, task)
        _check_group(config)
    if config.evaluation.problems and not task.heldout:
        raise DataError(
            f"Task '{task.name}' has no held-out problems; keep some back, or set "
            "evaluation.problems=0."
        )
    check_verifier(task.verifier, load=not train)  # a reward model is heavy
    evaluation_sampling(config)
    check_loss(config.objective)
    record = configuration.to_json(config)  # a part that cannot be recorded is told now
    tokenizer = load_tokenizer(source, config.model.chat_template)
    check_prompts(tokenizer, task)
    prompt = render(tokenizer, task.messages(task.train[0]))
    dtype = dtype_of(config.model.dtype, device)
    objective = config.objective.resolved(config.rollouts.max_tokens)
    checked = Checked(
        config, source, tokenizer, task, objective, device, dtype, tokenizer.decode(prompt),
        notes=_of_session(record),
    )  # fmt: skip
    if not train:
        return checked
    return _for_training(checked, path or Path(config.out or "runs/new"), timed)


def _of_session(record: Mapping[str, Any]) -> tuple[str, ...]:
    """A note about a reward that no file holds."""
    reward = record["task"].get("reward")
    if not is_of_session(reward):
        return ()
    return (
        f"the reward '{reward.partition(':')[2]}' is in no file, so this run goes on from Python "
        "only, by paceline.resume(RUN, config); from a file (task.reward=file.py:name) `paceline "
        "resume` could as well.",
    )


def without_reward(config: Config) -> Checked:
    """The model and the problems of a config, for what asks its reward nothing: no reward model is
    loaded, and no sandbox is looked for.

    Raises: ConfigError, DataError.
    """
    source, device = resolve(config.model.path), device_of(config.model.device)
    tokenizer = load_tokenizer(source, config.model.chat_template)
    objective = config.objective.resolved(config.rollouts.max_tokens)
    dtype = dtype_of(config.model.dtype, device)
    task = replace(config.task.load(), verifier=_unasked)
    return Checked(config, source, tokenizer, task, objective, device, dtype, first_prompt="")


def _unasked(problem: Problem, completion: Completion) -> Verdict:
    raise AssertionError("a reward was asked where there was none to be asked")


def _for_training(checked: Checked, path: Path, timed: bool) -> Checked:
    config, task, tokenizer = checked.config, checked.task, checked.tokenizer
    model_size = ModelSize.of(checked.source, checked.dtype)
    prompts = _prompts(tokenizer, task, task.train, at_least=config.rollouts.problems)
    notes = _check_lengths(config, task, model_size, prompts)
    if config.evaluation.problems:
        heldout = task.heldout[: config.evaluation.problems]
        _check_heldout(config, model_size, _prompts(tokenizer, task, heldout))
    work = Work.of(config, checked.objective, model_size, prompts, len(task.heldout))
    room = Room.of(checked.device, path)
    sizes = config, checked.objective, model_size, work, checked.dtype
    memory, disk = Memory.of(*sizes, checked.device), Disk.of(*sizes)
    notes += check_memory(memory, room, config.model.path)
    check_disk(disk, room)
    tried = try_reward(task, config.rewards, tokenizer)
    rates = None
    if timed:
        rates = measured(checked.source, model_size, work, checked.dtype, checked.device)
    seconds = None if rates is None else Seconds.of(config, work, rates, disk)
    notes += check_others(rates, checked.device)
    estimate = Estimate(model_size.parameters, model_size.context, memory, disk, seconds, room)
    notes = [*checked.notes, *notes, *tried.notes]
    return replace(checked, tried=tried, estimate=estimate, notes=tuple(notes))


def _check_round(config: Config, task: Task) -> None:
    have, need = len(task.train), config.rollouts.problems
    if have < need:
        raise DataError(
            f"Task '{task.name}' has {counted(have, 'training problem')}, but a round "
            f"needs {need}; bring more rows, or set rollouts.problems={have} or lower."
        )


def _check_group(config: Config) -> None:
    """Raise ConfigError where a group is one completion and the advantage compares within groups,
    so that every gradient would be 0."""
    alone = config.rollouts.completions == 1 and not config.objective.needs_values
    if not alone or not _compares_in_groups(config.objective):
        return
    raise ConfigError(
        f"rollouts.completions is 1, and {config.objective.advantage} compares the completions of "
        "one problem with each other, so that nothing could be learned: set rollouts.completions=2 "
        "or more (8 is usual), or take an objective that needs no group, such as "
        "objective=reinforce or reinforce_pp."
    )


def _compares_in_groups(objective: Objective) -> bool:
    """Whether groups of one leave every row without an advantage, tried on four of them."""
    rewards, problem = (0.0, 1.0, 0.0, 1.0), Problem("p", "?", "")
    completion = Completion((1, 2), (-1.0, -1.0), "?", "stop")
    groups = tuple(
        Group(problem, Prompt((1,)), (Rollout(problem, completion, Verdict(reward)),), draw)
        for draw, reward in enumerate(rewards)
    )
    try:
        return not objective.advantage(Round(0, groups)).any()
    except Exception:  # a user's own advantage may read of a round what this one has not
        return False


def _prompts(
    tokenizer: Any, task: Task, problems: Sequence[Problem], at_least: int = 1
) -> list[tuple[int, ...]]:
    """The tokens of some prompts, spread evenly."""
    count = min(len(problems), max(LOOKED_AT, at_least))
    found, characters = list[tuple[int, ...]](), 0
    for place in range(count):
        messages = task.messages(problems[place * len(problems) // count])
        characters += sum(len(turn["content"]) for turn in messages)
        found.append(render(tokenizer, messages))
        if characters > CHARACTERS and len(found) >= at_least:
            break
    return found


def _check_lengths(
    config: Config, task: Task, model_size: ModelSize, prompts: Sequence[Sequence[int]]
) -> list[str]:
    """Whether prompts leave room for an answer; a note about some, an error about all."""
    room, answer = model_size.context, config.rollouts.max_tokens
    long = sum(room is not None and len(p) + answer > room for p in prompts)
    if not long:
        return []
    if long == len(prompts):
        raise DataError(
            f"No problem of task '{task.name}' fits into the model's context of {room} tokens "
            f"beside answers of {answer} (the shortest of {len(prompts)} prompts has "
            f"{min(map(len, prompts))}); set rollouts.max_tokens lower, or shorten the prompts."
        )
    return [
        f"{long} of {len(prompts)} prompts that were measured do not fit into the model's context "
        f"of {room} tokens beside answers of {answer}; such problems are left out."
    ]


def _check_heldout(config: Config, model_size: ModelSize, prompts: Sequence[Sequence[int]]) -> None:
    room, answer = model_size.context, config.evaluation.max_tokens or config.rollouts.max_tokens
    long = sum(room is not None and len(p) + answer > room for p in prompts)
    if long:
        raise DataError(
            f"{long} of {len(prompts)} held-out prompts that were measured do not fit into the "
            f"model's context of {room} tokens beside answers of {answer}; set "
            "evaluation.max_tokens lower, or evaluation.problems=0."
        )


def device_of(name: str) -> torch.device:
    """The device that a config's word means. Raises: ConfigError where there is none."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"'{name}' is no device; use auto, cpu or cuda.") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError("model.device is cuda, but torch sees no GPU; use auto or cpu.")
    return device


def dtype_of(name: str, device: torch.device) -> torch.dtype:
    """The dtype that a config's word means on this device."""
    return {"bf16": torch.bfloat16, "fp32": torch.float32}.get(name) or best_dtype(device)


def evaluation_sampling(config: Config) -> Sampling:
    """How the evaluation samples."""
    e = config.evaluation
    limit = e.max_tokens or config.rollouts.max_tokens
    sampling = Sampling(limit, e.temperature, e.top_p, e.top_k, e.min_p)
    if sampling.greedy:
        raise ConfigError("evaluation.temperature is 0; greedy accuracy is measured in any case.")
    return sampling


def sandbox_of(task: Task) -> str | None:
    """The wall behind which a task's verifier runs programs; None where it runs none."""
    runs = (leaf for leaf in leaves(task.verifier) if isinstance(leaf, RunsPrograms))
    return next((leaf.running.sandbox.wall for leaf in runs), None)
