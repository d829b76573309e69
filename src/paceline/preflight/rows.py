"""Rows that bring their completions: read before the model is loaded, with the number of steps that
passes over them take."""

from dataclasses import replace

from ..config import Config
from ..errors import ConfigError, DataError
from ..objective import Objective, Preference
from ..objective.named import Named
from ..objective.ranking import MARGIN
from ..settings import RolloutConfig
from ..tasks import Task
from ..text import counted
from ..training import GivenRows, given_rows
from ..types import Round
from ..verify.calling.missing import Unjudged
from .load import Loaded, model_size_of

OF_SAMPLING = ("completions", "temperature", "accept", "max_draws", "mask_cut")
"""Keys of `rollouts` that say how completions are sampled."""


def check_answers(config: Config) -> None:
    """Raise ConfigError for a setting that would change nothing, by who answers.

    It is asked of a whole config, and not while its keys are set one after the other.
    """
    if config.optimizer.head_lr is not None and not config.objective.of_scores:
        raise ConfigError(
            f"optimizer.head_lr is {config.optimizer.head_lr:g}, but the objective trains no model "
            "that gives scores; leave it out, or take objective=bradley_terry."
        )
    if config.answers == "sampled":
        if config.objective.whole_groups:
            raise ConfigError(
                f"{config.objective} learns from completions that rows bring; set answers=given "
                "and task=preferences, or take an objective that samples, such as grpo."
            )
        if config.epochs:
            raise ConfigError(
                f"epochs is {config.epochs}, but the model's own answers are sampled anew in every "
                "round; set steps, or answers=given."
            )
        return
    if config.optimizer.trust is not None:
        raise ConfigError(
            f"optimizer.trust is {config.optimizer.trust:g}, but the KL that it bounds is measured "
            "on the model's own samples, and with answers=given there are none; leave it out."
        )
    if config.rewards.model is not None:
        raise ConfigError(
            f"rewards.model is '{config.rewards.model}', but with answers=given nothing earns a "
            "reward; leave it out."
        )
    usual = RolloutConfig()
    for name in OF_SAMPLING:
        value = getattr(config.rollouts, name)
        if value != getattr(usual, name):
            raise ConfigError(
                f"rollouts.{name} is {value}, but with answers=given nothing is sampled; leave it "
                "out."
            )
    if config.schedule.parts > 1:
        raise ConfigError(
            "schedule.minibatches and schedule.epochs cut a round of sampled answers, and with "
            "answers=given there is none: rollouts.problems is the number of rows of a step, and "
            "epochs the passes over all of them."
        )


def with_rows(loaded: Loaded) -> Loaded:
    """Everything loaded, and the rows; with `epochs`, the steps are those that the rows take.

    Raises: DataError for rows that cannot be read, or too few of them; ConfigError for a task that
        brings no completions, or a loss that has nothing to learn from them.
    """
    config, task = loaded.config, loaded.task
    if loaded.objective.of_scores and task.judged:
        # A reward model answers nothing that a reward could judge.
        task = replace(task, verifier=Unjudged(), judged=False)
    rows = given_rows(
        loaded.tokenizer,
        task,
        max_tokens=config.rollouts.max_tokens,
        context=model_size_of(loaded).context,
        heldout=config.evaluation.problems,
        compared=loaded.objective.whole_groups,
        whole=loaded.objective.of_scores,
    )
    if loaded.objective.whole_groups:  # held-out problems of a run's own pairs have gold answers
        rows = _told_of_margins(loaded.objective, _compared(rows, task))
    have, need = len(rows.train), config.rollouts.problems
    if have < need:
        raise DataError(
            f"Task '{task.name}' has {counted(have, 'row')} to learn from, but a step takes "
            f"{need}; add more rows, or set rollouts.problems={have} or lower."
        )
    check_fits_rows(loaded.objective, rows)
    if config.epochs:
        config = config.with_(steps=-(-have * config.epochs // need))
    return replace(loaded, config=config, task=task, rows=rows)


def _compared(rows: GivenRows, task: Task) -> GivenRows:
    """The rows with the held-out ones that bring several completions."""
    pairs = tuple(group for group in rows.heldout if len(group.rollouts) > 1)
    notes = rows.notes
    if rows.heldout and not pairs and not task.judged:
        notes = (
            *notes,
            "no held-out problem brings several completions, so that nothing is measured; hold "
            "some of the rows out, as task.heldout=0.1 does with a run's pairs.",
        )
    return replace(rows, heldout=pairs, notes=notes)


def _told_of_margins(objective: Named, rows: GivenRows) -> GivenRows:
    """The rows with a note if they bring margins that this loss does not read."""
    brought = any(MARGIN in r.verdict.parts for group in rows.train for r in group.rollouts)
    if not (brought and isinstance(objective, Preference)):
        return rows
    note = (
        "the rows bring margins, which a reward model learns from (objective=bradley_terry) and "
        "this loss does not read."
    )
    return replace(rows, notes=(*rows.notes, note))


def check_fits_rows(objective: Named, rows: GivenRows) -> None:
    """Raise ConfigError for an objective that these rows leave without an advantage."""
    alone = all(len(group.rollouts) == 1 for group in rows.train)
    if objective.whole_groups:
        if alone:
            raise ConfigError(
                f"{objective} compares completions of one prompt, and each row brings one; take "
                "task=preferences, or objective=sft."
            )
        _check_pairs(objective, rows)
        return
    if isinstance(objective, Objective) and objective.correction is not None:
        raise ConfigError(
            f"correction={objective.correction} compares with the engine that sampled the rows, "
            "and with answers=given there is none; leave it out."
        )
    if not alone:
        raise ConfigError(
            f"{objective} learns from completions one by one, and a row brings several; take "
            "objective=dpo, or task=demonstrations."
        )
    if objective.needs_anchor_for_advantages:  # what it will be, nothing can tell yet
        return
    if not objective.advantages(rows.round_of_some()).any():
        raise ConfigError(
            f"{objective} compares the completions of one problem with each other, and "
            "each row brings one, so nothing could be learned; take objective=sft."
        )


def _check_pairs(objective: Named, rows: GivenRows) -> None:
    """Raise DataError for a row that is no pair, or no ranking, for a loss of these."""
    groups = (*rows.train, *rows.heldout)
    for group in groups:
        count, rewards = len(group.rollouts), ", ".join(f"{r:g}" for r in group.rewards)
        if count != 2 and isinstance(objective, Preference):
            raise DataError(
                f"The row of problem {group.problem.name} brings {counted(count, 'completion')}, "
                "and a loss of pairs compares two; give pairs (chosen and rejected), or train a "
                "reward model on rankings with objective=bradley_terry."
            )
        if not group.has_signal:
            raise DataError(
                f"The completions of problem {group.problem.name} have equal rewards ({rewards}), "
                "so none of them is preferred; leave the row out, or give the better one more."
            )
    try:
        objective.advantages(Round(0, groups))
    except ValueError as error:
        raise DataError(f"{error} Change that row, or leave it out.") from None


def read_in_all(loaded: Loaded) -> int | None:
    """Number of rows that are read in all, where `epochs` decides it."""
    if loaded.rows is None or not loaded.config.epochs:
        return None
    return len(loaded.rows.train) * loaded.config.epochs
