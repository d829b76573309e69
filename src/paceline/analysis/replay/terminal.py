"""`paceline replay`: the tables, the sentences, the page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ...errors import ConfigError
from ...run.screen import Screen
from ...store.base import finite
from ...store.run import Run
from .conclusions import agreement, figure, meaning, share, where
from .page import default_page, write_page
from .record import Effect, MeasuredObjective, Replay
from .replay import OWN_LABEL, replay


def replay_to_page(
    path: str, step: int, objectives: Sequence[str], *, page: str | None, screen: Screen
) -> tuple[Replay, Path]:
    """Replay a step and write its page; returns the page's path, too.

    Args:
        page: path of the page; None puts it in the run's directory.

    Raises: UserError as `replay`, and if the page cannot be written.
    """
    run = Run.open(path)
    target = Path(page) if page else default_page(run.path, step)
    if not target.parent.is_dir():
        raise ConfigError(
            f"The folder '{target.parent}' of the page does not exist; make it, or name another "
            "place with --page."
        )
    if target.is_dir():
        raise ConfigError(f"The page '{target}' is a folder; name a file with --page.")
    made = replay(run.path, step, objectives, screen=screen)
    try:
        write_page(made, target)
    except OSError as error:
        raise ConfigError(
            f"The page '{target}' cannot be written ({error.strerror}); name another place with "
            "--page."
        ) from error
    return made, target


def print_replay(made: Replay, page: Path, screen: Screen) -> None:
    """Print the findings of a replay, and the path of its page."""
    screen.say(f"  {agreement(made)}")
    screen.say("")
    screen.say(where(made).capitalize())
    screen.show(objectives_table(made))
    if len(made.measured) > 1:
        screen.show(cosine_table(made))
    screen.say(meaning(made))
    screen.say(f"page     {page}")


def objectives_table(replay: Replay) -> Table:
    """A table with one row an objective."""
    table = Table()
    table.add_column("objective", overflow="fold")
    for column in ("norm", "× own", "trained on", "clipped", "largest ratio"):
        table.add_column(column, justify="right")
    own = replay.own.grad_norm
    for m in replay.measured:
        table.add_row(
            m.name + (", the run's" if m is replay.own and m.name != OWN_LABEL else ""),
            figure(m.grad_norm),
            figure(m.grad_norm / own) if own else "–",
            f"{m.rows_trained} of {m.rows}",
            share(m.clip_fraction),
            figure(m.ratio_max, 4),
        )
    return table


def cosine_table(replay: Replay) -> Table:
    """A table of the cosines between every two gradients."""
    table = Table(title="cosine between the gradients", title_justify="left")
    table.add_column("")
    for m in replay.measured:
        table.add_column(m.name, justify="right")
    for m, row in zip(replay.measured, replay.cosine, strict=True):
        table.add_row(m.name, *("–" if c is None else f"{c:.3f}" for c in row))
    return table


def as_record(replay: Replay) -> dict[str, Any]:
    """The replay as plain JSON, without the single tokens."""
    by_row = [{e.row: e for e in m.effects} for m in replay.measured]
    names = [m.name for m in replay.measured]
    completions = []
    for row in replay.rows:
        rollout = replay.round.rollouts[row]
        pairs = zip(names, by_row, strict=True)
        completions.append({
            "row": row,
            "problem": rollout.problem.id,
            "problem_row": rollout.problem.row,
            "reward": finite(rollout.verdict.reward),
            "correct": rollout.verdict.solved,
            "tokens": len(rollout.completion.token_ids),
            "finish": rollout.completion.finish,
            "effects": {name: _of_effect(found[row]) for name, found in pairs if row in found},
        })  # fmt: skip
    redone = replay.redone
    return {
        "run": str(replay.path),
        "step": replay.step,
        "round": replay.round.index,
        "part": replay.part,
        "parts": replay.parts,
        "redone": {
            "from": redone.begin,
            "steps": redone.steps,
            "difference": finite(redone.difference),
            "agreement": agreement(replay),
            "notes": list(redone.notes),
        },
        "objectives": [_of_objective(m, replay.own.grad_norm) for m in replay.measured],
        "cosine": [list(row) for row in replay.cosine],
        "meaning": meaning(replay),
        "completions": completions,
    }


def _of_objective(measured: MeasuredObjective, own: float) -> dict[str, Any]:
    return {
        "name": measured.name,
        "objective": repr(measured.objective),
        "grad_norm": finite(measured.grad_norm),
        "norm_ratio": finite(measured.grad_norm / own) if own else None,
        "rows": measured.rows,
        "rows_trained": measured.rows_trained,
        "tokens": measured.tokens,
        "clip_fraction": measured.clip_fraction,
        "ratio_max": measured.ratio_max,
    }


def _of_effect(effect: Effect) -> dict[str, Any]:
    return {
        "advantage": finite(effect.advantage),
        "weight": finite(effect.weight),
        "push": finite(effect.push),
        "ratio": finite(effect.ratio),
        "ratio_max": finite(effect.ratio_max),
        "clipped": effect.clipped,
    }
