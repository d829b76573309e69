"""Small runs to replay, and records of a replay made by hand."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from paceline.analysis.replay.record import Effect, MeasuredObjective, Redone, Replay
from paceline.config import Config
from paceline.model import Pieces
from paceline.objective import named
from paceline.run import Run, train
from paceline.tasks import Rows
from paceline.types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict
from tests.helpers.runs import small

ROLLOUTS = {"problems": 8, "completions": 16, "max_tokens": 4}
HALVES = """
import hashlib
def halves(problem, completion):
    if problem.answer in SILENT:
        return 0.0
    return float(hashlib.blake2b(completion.text.encode()).digest()[0] % 2)
"""
"""A reward of which it is known who earns what, whatever tokens the model samples: of most problems
about half of the answers, of some none."""
SILENT = ("0",)


def config_for(out: Path, **changes: Any) -> Config:
    """Eight of ten problems a round; out's folder gets the rows and the reward."""
    rows, reward = out.parent / "rows.jsonl", out.parent / "halves.py"
    data = [{"prompt": f"say {i}", "answer": str(i)} for i in range(10)]
    rows.write_text("".join(json.dumps(row) + "\n" for row in data))
    reward.write_text(HALVES.replace("SILENT", repr(SILENT)))
    task = Rows(str(rows), reward=f"{reward}:halves", heldout=0)
    options = {"rollouts": ROLLOUTS, "evaluation": {"problems": 0}, "optimizer": {"lr": 0.004}}
    options |= {"task": task, "rewards": {"workers": 0}, "save_keep": 0}
    return small(out, **(options | changes))


def made(out: Path, **changes: Any) -> Run:
    """A run of three rounds of four parts, with checkpoints after steps 3, 6, 9 and 12."""
    options = {"steps": 12, "schedule": {"minibatches": 4}, "save_every": 3}
    return train(config_for(out, **(options | changes)), quiet=True)


def line_of(run: Run, step: int) -> dict[str, Any]:
    """A step's line in metrics.jsonl."""
    return next(line for line in run.metrics() if line["step"] == step)


def an_effect(row: int, pushes: Sequence[float], **changes: Any) -> Effect:
    """The effect on a completion with a token for each push: none has moved, none is clipped."""
    n = len(pushes)
    base = Effect(
        row=row, advantage=1.0, weight=0.0, push=sum(pushes), ratio=1.0, ratio_max=1.0, clipped=0,
        logp_T=(-1.0,) * n, anchor_T=(-1.0,) * n, ratio_T=(1.0,) * n, advantage_T=(1.0,) * n,
        push_T=tuple(pushes), clipped_T=(False,) * n,
    )  # fmt: skip
    return replace(base, **changes)


def a_measure(name: str, *effects: Effect, **changes: Any) -> MeasuredObjective:
    """The results of an objective with a gradient of norm 1 and these effects."""
    base = MeasuredObjective(
        name=name, objective=named.grpo(), grad_norm=1.0, rows=4, rows_trained=len(effects),
        tokens=2 * len(effects), clip_fraction=0.0, ratio_max=1.5, effects=effects,
    )  # fmt: skip
    return replace(base, **changes)


def a_replay(*measured: MeasuredObjective, **changes: Any) -> Replay:
    """Step 6 of 12, the second of four parts of round 1: its groups 0 and 2 of three, each of two
    completions of two tokens, under these objectives, whose gradients are all alike."""
    groups = tuple(_group(i) for i in range(3))
    rows = (0, 1, 4, 5)
    base = Replay(
        path=Path("runs/r"), step=6, part=1, parts=4, last_step=12, round=Round(1, groups),
        groups=(0, 2), redone=Redone(3, 2, 0.0, 4), measured=measured,
        cosine=((1.0,) * len(measured),) * len(measured),
        pieces={row: Pieces((f"w{row}", "<|im_end|>"), (False, True)) for row in rows},
        prompts={0: "say 0", 2: "say 2"},
    )  # fmt: skip
    return replace(base, **changes)


def _group(i: int) -> Group:
    problem = Problem(f"p{i}", f"say {i}", str(i), row=f"row {i + 1}")
    rollouts = tuple(
        Rollout(
            problem,
            Completion((4 + i, 2), (-1.5, -0.5), f"w{2 * i + place}", "stop"),
            Verdict(float(place), reason="as it was written to", correct=place == 1),
        )
        for place in (0, 1)
    )
    return Group(problem, Prompt((5, 6)), rollouts, i)
