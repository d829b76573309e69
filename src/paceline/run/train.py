"""The main job: check, load, evaluate, train, evaluate, save, report."""

import shlex
import shutil
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import config as configuration
from ..config import Config
from ..layout import PADDED
from ..model.allocator import give_back_freed_memory
from ..training import Evaluation, Report, Trainer, evaluate
from ..verify.judges import Judges
from . import prepare
from .checkpoint import save_checkpoint
from .log import line
from .prepare import Checked
from .report import write_report
from .run import Run, new_path
from .screen import Screen, wall_clock
from .watch import Watch

COUNTED = ("groups_refused", "groups_lost", "prompts_too_long", "steps_skipped")
GIVE_BACK_EVERY = 20
"""Steps after which memory that was kept for reuse goes back to the system."""


def train(config: Config, *, quiet: bool = False) -> Run:
    """Train as a config says, and return the run's directory.

    What is on disk when this ends is told in `Run`. An interrupt (Ctrl-C) or an error after the
    first step saves the model as it is, the summary and the report, and is raised again; before
    the first step it leaves nothing behind.

    Raises: UserError with one sentence, before the model is loaded, for what a user can mend.
    """
    path = new_path(config.name, config.out)
    screen = Screen(config.steps, quiet=quiet)
    with screen.busy("checking the configuration, the data and the tokenizer"):
        checked = prepare.check(config)
    tell_plan(checked, str(path), screen)
    run = Run.create(path)
    try:
        run.write_json("config.json", described(checked))
        with Judges(checked.task.verifier, config.rewards) as judges:
            return _train(checked, judges, run, screen)
    finally:
        run.release()
        if not (path / "metrics.jsonl").exists():  # nothing was learned: the name stays free
            shutil.rmtree(path, ignore_errors=True)


def _train(checked: Checked, judges: Judges, run: Run, screen: Screen) -> Run:
    started = time.perf_counter()
    with screen.busy("loading the model"):
        policy = prepare.policy_of(checked)
        trainer = prepare.trainer_of(checked, policy, run, judges)
    if policy.layout is PADDED:
        screen.say_once(
            "not every layer of this model is plain attention, so rows are padded: slower, with "
            "the same gradient."
        )
    before = _evaluate(checked, trainer, screen, "before training")
    counters: dict[str, int] = dict.fromkeys(COUNTED, 0)
    stopped: BaseException | None = None
    watch = Watch()
    try:
        for _ in range(checked.config.steps):
            with screen.busy("training") if screen.console.is_terminal else nullcontext():
                report = trainer.step()
            if report.step % GIVE_BACK_EVERY == 0:
                give_back_freed_memory()
            _after_step(checked, trainer, report, run, screen, counters, watch)
    except (KeyboardInterrupt, Exception) as error:  # whatever it is, nothing learned is lost
        if trainer.steps == 0:
            raise
        stopped = error
        screen.say(
            f"Stopped ({type(error).__name__}) after step {trainer.steps}: saving.", "yellow"
        )
    run.save_model(policy)
    after = _evaluate(checked, trainer, screen, "after training") if stopped is None else None
    summary = {
        "before": before and asdict(before),
        "after": after and asdict(after),
        "steps": trainer.steps,
        "rounds": trainer.rounds,
        "interrupted": isinstance(stopped, KeyboardInterrupt),
        "stopped": None if stopped is None else f"{type(stopped).__name__}: {stopped}",
        "counters": counters,
        "seconds": time.perf_counter() - started,
        "model": "model",
    }
    _finish(checked, run, screen, summary, before, after)
    if stopped is not None:
        raise stopped
    return run


def _finish(
    checked: Checked,
    run: Run,
    screen: Screen,
    summary: dict[str, Any],
    before: Evaluation | None,
    after: Evaluation | None,
) -> None:
    """The summary, the report, and the last lines on the screen."""
    run.write_json("summary.json", summary)
    report = write_report(run.path) if (run.path / "metrics.jsonl").exists() else None
    if before and after:
        screen.table(before, after)
    screen.say(f"report   {report}")
    screen.say(f"model    {run.model}")
    screen.say(f"seconds  {summary['seconds']:.0f}")
    screen.say(f"next     {_next_command(checked, run)}")


def _after_step(
    checked: Checked,
    trainer: Trainer,
    report: Report,
    run: Run,
    screen: Screen,
    counters: dict[str, int],
    watch: Watch,
) -> None:
    """Everything that is told and kept of a step."""
    config, metrics = checked.config, line(report)
    every = config.evaluation.every
    if every and report.step % every == 0 and report.step < config.steps:
        evaluation = _evaluate(checked, trainer, screen, f"after step {report.step}")
        metrics["evaluation"] = evaluation and asdict(evaluation)
    run.append_metrics(metrics)
    if report.part == 0:
        counters["groups_refused"] += report.drawn.refused
        counters["groups_lost"] += len(report.drawn.lost)
        for lost in report.drawn.lost:
            told = f" ({lost.detail.rstrip('.')})" if lost.detail else ""
            screen.say_once(
                f"a group was dropped because {lost.reason}{told}; its problem had no verdict.",
                once_for=lost.reason,
            )
        counters["prompts_too_long"] += report.drawn.too_long
    counters["steps_skipped"] += report.stepped.skipped
    screen.step(metrics)
    for notice in watch.notices(metrics):
        screen.say_once(notice)
    if config.show_every and (report.step - 1) % config.show_every == 0:
        screen.completions(report.drawn.round)
    if config.save_every and report.step % config.save_every == 0:
        save_checkpoint(run.path / "checkpoints", trainer)


def _evaluate(checked: Checked, trainer: Trainer, screen: Screen, title: str) -> Evaluation | None:
    settings = checked.config.evaluation
    if not settings.problems:
        return None
    with screen.busy(f"evaluating {title}"):
        evaluation, _ = evaluate(
            trainer.policy,
            trainer.engine,
            checked.task,
            prepare.evaluation_sampling(checked.config),
            problems=settings.problems,
            completions=settings.completions,
            seed=checked.config.seed,
            progress=screen.progress,
            judges=trainer.sampler.judges,
        )
    screen.evaluation(title, evaluation)
    return evaluation


def described(checked: Checked) -> dict[str, Any]:
    """config.json: enough to read the run, and to start it again."""
    program = Path(sys.argv[0]).name
    command = shlex.join([program, *sys.argv[1:]]) if program == "paceline" else None
    return {
        "name": checked.config.name,
        "config": configuration.to_json(checked.config),
        "objective": repr(checked.objective),
        "versions": prepare.versions(),
        "machine": prepare.machine(checked),
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
    screen.say(
        f"  task       {task.name}: {len(task.train)} problems, {len(task.heldout)} held out"
    )
    for note in task.notes:
        screen.say(f"             {note}", "yellow")
    screen.say(f"  model      {config.model.path}, {checked.device.type}, {checked.dtype}")
    screen.say(f"  objective  {checked.objective}")
    if wall := prepare.sandbox_of(task):
        screen.say(f"  sandbox    {wall}: answers are programs, and are run behind it")
    screen.say(
        f"  plan       {rounds} rounds of {r.problems} problems × {r.completions} completions "
        f"(up to {r.max_tokens} tokens), {parts} update{'s' if parts > 1 else ''} each: "
        f"{config.steps} steps, {rounds * r.problems * r.completions} completions"
    )
    screen.say("  first prompt")
    for row in checked.first_prompt.splitlines():
        screen.say(f"    │ {row}", "dim")
    if parts == 1:
        screen.say_once(
            "one update a round: every ratio is 1, so the clip never binds, and that is right.",
            "dim",
        )


def _next_command(checked: Checked, run: Run) -> str:
    question = checked.task.heldout[0].prompt if checked.task.heldout else "…"
    text = question if isinstance(question, str) else question[-1]["content"]
    return shlex.join(["paceline", "sample", str(run.path), " ".join(text.split())])
