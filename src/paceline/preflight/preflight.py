"""Everything that can be checked before the model is loaded, in seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import config as configuration
from ..config import Config
from ..errors import ConfigError, DataError
from ..model.model_size import ModelSize
from ..model.template import render
from ..objective import Objective
from ..objective.named import Named
from ..settings import Merge
from ..tasks import Task
from ..text import counted
from ..types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict
from ..verify.calling.load import is_of_session
from ..verify.calling.verifier import check_verifier
from .adapters import remarks
from .calibrate import measured
from .critic import check_critic, check_critics_model, critic_size
from .estimate import Disk, Estimate, Memory, Seconds
from .held import ALONE, Beside
from .limits import check_disk, check_memory, check_others
from .load import Loaded, evaluation_sampling, load, model_size_of
from .prompts import check_prompts
from .reference import check_reference, check_teachers_model, teacher_size
from .resources import Resources, memory_of
from .reward import UNTRIED, RewardTrial, try_reward
from .rows import check_answers, with_rows
from .thrift import check_thrift
from .trackers import missing_package, remark
from .workload import Workload

MEASURED_PROMPTS = 64
"""Number of prompts that are measured, spread evenly over the problems."""
MOST_CHARACTERS = 1 << 20
"""Characters of prompts after which no further prompt is measured."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """A config that was found sound for training, and the needs of that training."""

    loaded: Loaded
    tried: RewardTrial
    """The reward's answers to a few completions."""
    estimate: Estimate
    """Estimated memory, disk and time."""
    notes: tuple[str, ...] = ()
    """Remarks that are no reason to stop, a sentence each; the task has its own."""


def check(config: Config, *, path: Path | None = None, timed: bool = True) -> Preflight:
    """Find, in seconds and before the model is loaded, everything that would fail later: too few
    problems, prompts that do not fit, a reward that breaks, not enough memory or disk.

    Args:
        path: the run's directory; its present content is not written again. If None, the config's
            own, or one in runs.
        timed: measure this machine for a second, to say how long it will take.

    Raises: ConfigError, DataError, RewardError, SandboxError.
    """
    check_answers(config)
    check_critic(config)
    check_reference(config)
    loaded = load(config)
    check_thrift(loaded)
    check_critics_model(loaded)
    check_teachers_model(loaded)
    if config.answers == "given":
        loaded = with_rows(loaded)
    else:
        _check_judged(loaded.task)
        _check_round(config, loaded.task)
        check_group(config)
    _check_usable(loaded, load_reward=False)  # a reward model is heavy
    return _for_training(loaded, path or Path(config.out or "runs/new"), timed)


def load_checked(config: Config) -> Loaded:
    """Load everything that an evaluation or an audit needs, and find what would fail later.

    Raises: ConfigError, DataError, RewardError, SandboxError.
    """
    loaded = load(config)
    _check_usable(loaded, load_reward=True)
    if not loaded.lora.on or loaded.lora.merge != "auto":
        return loaded
    model_size, heldout = model_size_of(loaded), len(loaded.task.heldout)
    prompts = _training_prompts(loaded)
    work = Workload.of(config, loaded.objective, model_size, prompts, heldout)
    return _with_merge(loaded, model_size, work, memory_of(loaded.device)[1])[0]


def _check_usable(loaded: Loaded, *, load_reward: bool) -> None:
    """Raise for settings that no use of a config can work with."""
    config, task = loaded.config, loaded.task
    if config.evaluation.problems and not task.heldout:
        raise DataError(
            f"Task '{task.name}' has no held-out problems; keep some back, or set "
            "evaluation.problems=0."
        )
    if task.judged:
        check_verifier(task.verifier, load=load_reward)
    evaluation_sampling(config)
    configuration.to_json(config)  # a part that cannot be recorded is told now
    check_prompts(loaded.tokenizer, task)


def _of_session(record: Mapping[str, Any]) -> tuple[str, ...]:
    """A note about a reward that no file holds."""
    reward = record["task"].get("reward")
    if not is_of_session(reward):
        return ()
    return (
        f"the reward '{reward.partition(':')[2]}' is in no file, so this run can only be resumed "
        "from Python, by paceline.resume(RUN, config); put the reward into a file "
        "(task.reward=file.py:name) to use `paceline resume`.",
    )


def _for_training(loaded: Loaded, path: Path, timed: bool) -> Preflight:
    config, task, tokenizer = loaded.config, loaded.task, loaded.tokenizer
    model_size, rows = model_size_of(loaded), loaded.rows
    prompts = _training_prompts(loaded)
    notes = [] if rows else _check_lengths(config, task, model_size, prompts)
    if config.evaluation.problems and task.judged:
        heldout = task.heldout[: config.evaluation.problems]
        _check_heldout(config, model_size, _prompts(tokenizer, task, heldout))
    judged = len(task.heldout) if task.judged else 0
    if rows is None:
        work = Workload.of(config, loaded.objective, model_size, prompts, judged)
    else:
        work = Workload.of_rows(config, loaded.objective, model_size, rows, prompts, judged)
        notes += rows.notes
    room = Resources.of(loaded.device, path)
    beside = Beside(critic_size(loaded, model_size), teacher_size(loaded))
    loaded, memory = _with_merge(loaded, model_size, work, room.memory_total, beside)
    disk = Disk.of(config, loaded.objective, model_size, work, loaded.dtype, beside)
    notes += check_memory(memory, room, config.model.path, adapted=loaded.lora.on)
    check_disk(disk, room)
    tried = UNTRIED
    if task.judged:
        tried = try_reward(task, config.rewards, tokenizer)
    rates = None
    if timed:
        rates = measured(
            loaded.source, model_size, work, loaded.dtype, loaded.device, loaded.lora,
            config.model.quantisation,
        )  # fmt: skip
    seconds = None
    if rates is not None:
        critic = beside.critic.inner / model_size.inner if beside.critic else 0.0
        teacher = beside.teacher.inner / model_size.inner if beside.teacher else 1.0
        seconds = Seconds.of(config, work, rates, disk, critic, teacher)
    notes += check_others(rates, loaded.device)
    estimate = Estimate(model_size, memory, disk, seconds, room)
    session = _of_session(configuration.to_json(config))
    untracked = [
        remark(name, package) for name in config.tracker if (package := missing_package(name))
    ]
    notes = [*session, *untracked, *remarks(loaded), *notes, *tried.notes]
    return Preflight(loaded, tried, estimate, tuple(notes))


def _with_merge(
    loaded: Loaded,
    model_size: ModelSize,
    work: Workload,
    all_memory: int,
    beside: Beside = ALONE,
) -> tuple[Loaded, Memory]:
    """Decide whether adapters are merged while completions are sampled, where that was left open:
    if the run then fits into all the memory that there is. What is free at the moment has no part
    in it, or a resume could decide otherwise."""

    def memory(merge: Merge) -> Memory:
        config = loaded.config.with_(**{"lora.merge": merge})
        return Memory.of(
            config, loaded.objective, model_size, work, loaded.dtype, loaded.device, beside
        )

    asked = loaded.lora.merge
    if not loaded.lora.on or asked != "auto":
        return loaded, memory(asked)
    merged = memory("yes")
    fits = merged.total - merged.program <= all_memory
    meant: Merge = "yes" if fits else "no"
    decided = replace(loaded, lora=replace(loaded.lora, merge=meant))
    return decided, merged if fits else memory("no")


def _check_judged(task: Task) -> None:
    if not task.judged:
        raise ConfigError(
            f"Task '{task.name}' has no reward, and answers that the model samples need one; set "
            "answers=given to learn from the completions of its rows, or task.reward."
        )


def _check_round(config: Config, task: Task) -> None:
    have, need = len(task.train), config.rollouts.problems
    if have < need:
        raise DataError(
            f"Task '{task.name}' has {counted(have, 'training problem')}, but a round "
            f"needs {need}; add more rows, or set rollouts.problems={have} or lower."
        )


def check_group(config: Config) -> None:
    """Raise ConfigError if groups have one completion and the advantage compares within groups, so
    that every gradient would be 0."""
    alone = config.rollouts.completions == 1 and not config.objective.needs_values
    if not alone or not _compares_in_groups(config.objective):
        return
    objective = config.objective
    part = objective.advantage if isinstance(objective, Objective) else objective
    raise ConfigError(
        f"rollouts.completions is 1, and {part} compares the completions of "
        "one problem with each other, so nothing could be learned: set rollouts.completions=2 "
        "or more (8 is usual), or take an objective that needs no group, such as "
        "objective=reinforce or reinforce_pp."
    )


def _compares_in_groups(objective: Named) -> bool:
    """True if groups of one leave every row without an advantage, tried on four of them."""
    rewards, problem = (0.0, 1.0, 0.0, 1.0), Problem("p", "?", "")
    completion = Completion((1, 2), (-1.0, -1.0), "?", "stop")
    groups = tuple(
        Group(problem, Prompt((1,)), (Rollout(problem, completion, Verdict(reward)),), draw)
        for draw, reward in enumerate(rewards)
    )
    try:
        return not objective.advantages(Round(0, groups)).any()
    except Exception:  # a user's own advantage may read of a round what this one has not
        return False


def _training_prompts(loaded: Loaded) -> list[tuple[int, ...]]:
    """The tokens of some training prompts, of a round's at least."""
    count = loaded.config.rollouts.problems
    return _prompts(loaded.tokenizer, loaded.task, loaded.task.train, at_least=count)


def _prompts(
    tokenizer: Any, task: Task, problems: Sequence[Problem], at_least: int = 1
) -> list[tuple[int, ...]]:
    """The tokens of some prompts, spread evenly."""
    count = min(len(problems), max(MEASURED_PROMPTS, at_least))
    found, characters = list[tuple[int, ...]](), 0
    for place in range(count):
        messages = task.messages(problems[place * len(problems) // count])
        characters += sum(len(turn["content"]) for turn in messages)
        found.append(render(tokenizer, messages))
        if characters > MOST_CHARACTERS and len(found) >= at_least:
            break
    return found


def _check_lengths(
    config: Config, task: Task, model_size: ModelSize, prompts: Sequence[Sequence[int]]
) -> list[str]:
    """Check that prompts leave room for an answer: a note if some do not, an error if none does."""
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
