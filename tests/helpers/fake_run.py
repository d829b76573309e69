"""A run directory as training leaves it: sums up to 99, learned in eighty steps, all invented.

Deterministic (its numbers are hashes), so that a test may name them. One completion of the first
round is as nasty as model text can be.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from paceline import config as configuration
from paceline.recipes import demo
from paceline.rng import bits, key
from paceline.store.base import Record
from paceline.store.records import Event, Measured, StepRecord, Summary, counters_of
from paceline.store.rollout_row import RolloutRow, table_of
from tests.helpers.records import a_measurement, a_step

NASTY = (
    'The sum is </script><script>alert("run")</script> <img src=x onerror=alert(1)>'
    " <!-- <script> \u2028\u2029\x00\x1b[31mred\u202eevil 中文 🚲 &amp; ${x} {{data}}"
)
"""Closes the data block, opens scripts and comments, and brings control and bidi characters."""

PROMPT = (
    "<|im_start|>user\nWhat is {a} + {b}? Think briefly, then give the answer as"
    " \\boxed{{…}}.<|im_end|>\n<|im_start|>assistant\n"
)
RIGHT = "equals the expected answer"
WRONG = "a number, but not the expected one"
NONE = "no \\boxed{…} in the completion"
CONFIG = demo().with_(
    **{"model.path": "SmolLM2-135M-Instruct", "rollouts.max_tokens": 48, "evaluation.every": 10}
)
BEFORE = Measured(
    task="arithmetic", n=500, greedy_accuracy=0.046, sampled_accuracy=0.032,
    pass_at={"1": 0.032}, cut=0.412, seconds=31.0,
    intervals={"sampled_accuracy": [0.0198, 0.0514], "greedy_accuracy": [0.0308, 0.0682]},
)  # fmt: skip
AFTER = Measured(
    task="arithmetic", n=500, greedy_accuracy=0.858, sampled_accuracy=0.784,
    pass_at={"1": 0.784}, cut=0.004, seconds=19.0,
    intervals={"sampled_accuracy": [0.7459, 0.8179], "greedy_accuracy": [0.8247, 0.8859]},
)  # fmt: skip
SUMMARY = Summary(
    finished=True, before=BEFORE, after=AFTER, evaluation=asdict(CONFIG.evaluation), steps=80,
    rounds=80, counters=counters_of((), ()), seconds=588.0,
)  # fmt: skip


def chance(*parts: int | str) -> float:
    return bits(key("fake", *parts), 0) / 2**64


def skill(step: int, steps: int) -> float:
    """The share of right answers that the invented policy reaches at a step."""
    return 0.03 + 0.78 / (1 + math.exp(-(step / max(steps, 1) - 0.42) * 11))


def fake_step(step: int, steps: int, groups: int = 8, size: int = 8) -> StepRecord:
    """A step of a run of so many steps, one round a step; measured after every tenth."""
    p, noise, rows = skill(step, steps), lambda name: chance(name, step) - 0.5, groups * size
    right = round(rows * min(1.0, max(0.0, p + 0.12 * noise("right"))))
    cut = round(rows * max(0.0, 0.42 * (1 - p / 0.8) + 0.08 * noise("cut")))
    cut = min(cut, rows - right)
    other = (rows - right - cut) // 2
    made = StepRecord(
        step=step,
        round=step,
        part=0,
        reward=right / rows + 0.2 * (1 - cut / rows),
        accuracy=right / rows,
        completions=rows,
        completion_tokens=17 + 26 * (1 - p) + 3 * noise("length"),
        cut=cut / rows,
        stop_reasons={"stop": rows - cut, "length": cut},
        reasons={
            RIGHT: right,
            WRONG: rows - right - cut - other,
            "the completion was cut before an answer": cut,
            NONE: other,
        },
        repeated_mistakes=0.0,
        groups=groups,
        groups_without_signal=round(groups * max(0.0, abs(p - 0.45) - 0.12 + 0.3 * noise("s"))),
        groups_refused=0,
        rows=rows,
        rows_trained=rows - 8,
        grad_norm=0.6 + 0.5 * p + 0.4 * abs(noise("g")) + (3.1 if step == 23 else 0.0),
        skipped=False,
        lr=1e-5,
        entropy=1.9 * (1 - p) ** 1.5 + 0.12 + 0.1 * noise("e"),
        kl=None,
        ratio_max=1.0,
        clip_fraction=0.0,
        mismatch=0.0004 + 0.0003 * chance("m", step),
        tokens_per_second=610 + 90 * noise("speed"),
        memory_gb=2.4 + 0.01 * step / max(steps, 1),
        seconds=6.9,
        phases={
            "sample": 3.4 * (1.4 - p) + 0.3 * chance("t", step),
            "verify": 0.12,
            "score": 0.6,
            "update": 2.1 * (1.2 - p / 2),
            "keep": 0.9 if step % 20 == 0 else 0.05,
        },
        absent=frozenset({"evaluation"}),
    )
    if step % 10:
        return made
    return made.evaluated(a_measurement(p - 0.01, greedy_accuracy=min(1.0, p + 0.06)))


def completion(a: int, b: int, p: float, *at: int) -> dict[str, Any]:
    """One invented completion: brief and right more often as p grows."""
    luck, tens, ones = chance("luck", *at), a // 10 * 10 + b // 10 * 10, a % 10 + b % 10
    total = a + b if luck < p else a + b + (10 if luck > 0.6 else -1)
    steps = [
        f"{a} + {b}: tens {tens}, ones {ones}.\n",
        f"So {tens} + {ones} = {total}.\n\n",
    ]
    if chance("ramble", *at) > p + 0.35:
        steps += ["Let me check that again, to be sure.\n", *steps] * 2
    pieces = [w for s in steps for w in split(s)]
    boxed = chance("box", *at) < p + 0.4
    pieces += [*split("The answer is"), " \\", "boxed", "{", *str(total), "}"] if boxed else []
    cut = len(pieces) >= 48
    pieces = pieces[:48] if cut else [*pieces, "<|im_end|>"]
    right = boxed and not cut and total == a + b
    reason = RIGHT if right else WRONG if boxed and not cut else NONE
    reward = (1.0 if right else 0.0) + (0.2 if boxed and not cut else 0.0)
    return {"tokens": pieces, "cut": cut, "right": right, "reason": reason, "reward": reward}


def split(text: str) -> list[str]:
    """Words with their leading space, digits and line ends alone: like a tokenizer's pieces."""
    import re

    return re.findall(r"\n+| ?[A-Za-z]+|\d| ?[^\sA-Za-z\d]| ", text)


def rollout_rows(step: int, steps: int, groups: int, size: int) -> list[RolloutRow]:
    rows = []
    for draw in range(groups):
        a, b = (10 + int(89 * chance(n, step, draw)) for n in ("a", "b"))
        ease = min(0.98, max(0.0, skill(step, steps) + 0.5 * (chance("ease", step, draw) - 0.5)))
        found = [completion(a, b, ease, step, draw, i) for i in range(size)]
        if step == 1 and draw == 0:
            found[1]["tokens"] = [NASTY[:14], NASTY[14:40], NASTY[40:], "\n", "   ", "\t", "", "…"]
        mean = sum(c["reward"] for c in found) / size
        std = math.sqrt(sum((c["reward"] - mean) ** 2 for c in found) / (size - 1))
        prompt = PROMPT.format(a=a, b=b)
        for i, c in enumerate(found):
            doubt = [chance("p", step, draw, i, t) for t in range(len(c["tokens"]))]
            old = [-3.5 * (1.1 - ease) * d**6 - 0.002 * d for d in doubt]
            rows.append(
                RolloutRow(
                    round=step,
                    step=step,
                    draw=(step - 1) * groups + draw,
                    index=i,
                    policy_version=step - 1,
                    problem_id=f"sum-{a}-{b}",
                    problem_row=f"row {(step - 1) * groups + draw + 1}",
                    prompt=prompt,
                    answer=str(a + b),
                    completion="".join(c["tokens"]).removesuffix("<|im_end|>"),
                    parts=json.dumps({"answer": float(c["right"]), "format": 0.2}),
                    reason=c["reason"],
                    finish="length" if c["cut"] else "stop",
                    prompt_ids=[hash_id(t) for t in split(prompt)],
                    token_ids=[hash_id(t) for t in c["tokens"]],
                    tokens=c["tokens"],
                    old=old,
                    anchor=[x * 1.01 for x in old],
                    ref=None,
                    advantage=[(c["reward"] - mean) / (std + 1e-4) if std else 0.0],
                    reward=c["reward"],
                    correct=c["right"],
                    masked=False,
                    special=[t == "<|im_end|>" for t in c["tokens"]],
                )
            )
    return rows


def hash_id(piece: str) -> int:
    return key("id", piece) % 49152


def write_rows(path: Path, rows: Sequence[RolloutRow]) -> None:
    """A round's file that holds these rows."""
    path.parent.mkdir(exist_ok=True)
    pq.write_table(table_of(rows), path)


def fake_run(
    folder: Path, steps: int = 80, *, of: int = 80, finished: bool = True, every: int = 1
) -> Path:
    """A run of `steps` steps out of `of`, one round a step, its rollouts kept every so many."""
    folder.mkdir(parents=True)
    config = {
        "name": folder.name,
        "config": configuration.to_json(CONFIG.with_(name=folder.name, steps=of)),
        "objective": repr(CONFIG.objective.resolved(CONFIG.rollouts.max_tokens)),
        "versions": {"paceline": "0.1.0", "python": "3.12.4", "torch": "2.13.0"},
        "machine": {"cpus": 2, "threads": 2, "device": "cpu", "dtype": "float32"},
        "command": f"paceline train arithmetic_smollm2 --name {folder.name}",
        "started": "2026-11-21T04:10:00+00:00",
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    write_lines(folder / "metrics.jsonl", [fake_step(s, of) for s in range(1, steps + 1)])
    started = Event(time="2026-11-21T04:10:00+0000", kind="started", step=0)
    write_lines(folder / "events.jsonl", [started])
    for step in range(1, steps + 1):
        if step % every == 0 or step in (1, steps):
            write_rows(folder / f"rollouts/round-{step:06d}.parquet", rollout_rows(step, of, 8, 8))
    if finished:
        write_summary(folder, replace(SUMMARY, steps=steps, rounds=steps))
    return folder


def write_lines(path: Path, records: Iterable[Record]) -> None:
    path.write_text("".join(json.dumps(one.to_json()) + "\n" for one in records))


def write_summary(folder: Path, summary: Summary) -> None:
    (folder / "summary.json").write_text(json.dumps(summary.to_json()))


# Figures of runs that were really trained: what the diagnostics have to keep silent about, and one
# that they have to tell. Right answers of a round's completions and groups without signal, then
# mean length, entropy and ratios; "-" where a step trained nothing.

DEMO = {
    "right": (
        "1 6 7 18 17 21 30 33 22 37 46 47 47 29 33 37 28 52 24 26 51 50 50 41 46 47 48 35 40 39 "
        "45 49 60 52 49 38 47 47 49 48 57 43 40 44 51 38 50 44 50 49 51 49 50 53 42 53 44 52 60 "
        "56 51 56 33 34 61 47 41 36 53 41 54 36 57 46 44 40 53 55 62 42"
    ),
    "silent": (
        "7 5 3 2 2 0 1 3 4 5 4 1 4 4 3 5 3 4 3 5 3 1 4 4 3 5 5 3 4 3 5 4 5 6 5 3 2 4 3 5 4 4 5 "
        "6 7 3 4 2 5 5 4 5 6 6 6 7 4 3 7 8 4 6 3 6 7 7 4 5 5 4 6 5 5 5 3 6 3 4 6 2"
    ),
    "length": (
        "29.5 27.8 25.9 22.8 23.0 18.2 14.3 13.8 13.7 12.8 13.2 13.5 13.2 12.9 12.7 13.1 12.5 "
        "12.7 13.1 12.8 12.3 13.5 13.1 12.7 12.7 12.2 12.6 12.7 12.7 12.8 12.5 13.0 12.6 12.6 "
        "12.5 12.8 12.6 12.7 13.2 12.8 12.8 12.4 13.0 12.6 12.2 12.7 12.5 12.5 12.6 12.5 12.7 "
        "12.9 13.0 12.6 12.8 12.4 12.6 12.6 12.8 12.8 13.1 12.7 12.7 12.5 12.6 12.6 12.5 12.6 "
        "12.9 12.9 12.8 12.6 12.4 12.5 12.5 12.7 12.6 12.8 12.6 12.8"
    ),
    "entropy": (
        "2.01 1.68 1.78 1.15 1.25 0.895 0.469 0.474 0.403 0.189 0.213 0.25 0.204 0.116 0.142 "
        "0.183 0.1 0.165 0.12 0.16 0.0778 0.138 0.183 0.0885 0.0617 0.0877 0.0842 0.0871 0.082 "
        "0.112 0.0666 0.1 0.0934 0.0474 0.0763 0.1 0.0652 0.157 0.132 0.0465 0.0652 0.0453 "
        "0.0503 0.0344 0.0641 0.0908 0.0527 0.0539 0.0666 0.06 0.0401 0.0514 0.0687 0.0853 "
        "0.0435 0.066 0.0923 0.0653 0.0569 - 0.149 0.0526 0.0979 0.0413 0.0712 0.049 0.0415 "
        "0.0485 0.0932 0.0605 0.137 0.0479 0.0464 0.0694 0.0627 0.134 0.0398 0.0515 0.0566 "
        "0.0572"
    ),
}
"""The demo with seed 1: 1 % right before, 79 % after. The nearest of seven to an alarm."""

FELL = {
    "right": (
        "0 0 2 3 5 10 6 10 13 26 32 31 20 54 47 45 41 38 44 48 51 38 51 37 59 31 48 41 47 43 28 "
        "27 30 45 25 38 24 47 36 39 40 43 57 31 33 38"
    ),
    "silent": (
        "8 8 6 5 5 4 5 2 3 0 0 2 1 3 4 4 2 2 5 2 3 5 4 1 5 4 5 4 5 6 4 4 5 6 3 6 8 4 5 4 4 3 6 "
        "2 3 5"
    ),
    "length": (
        "29.8 29.1 30.7 23.1 23.2 22.8 25.5 25.3 20.8 16.8 14.7 15.3 13.4 13.5 12.4 13.2 12.5 "
        "12.6 12.4 12.6 12.4 12.6 12.7 12.9 13.0 12.1 13.0 12.7 12.9 12.8 12.8 12.7 12.8 12.9 "
        "13.2 12.5 12.9 12.6 12.7 12.4 12.7 12.9 12.8 12.5 12.3 12.6"
    ),
    "entropy": (
        "- - 1.72 1.83 1.77 1.44 1.36 1.19 0.917 0.659 0.53 0.575 0.405 0.232 0.123 0.248 "
        "0.0996 0.122 0.081 0.0661 0.0676 0.0727 0.0663 0.107 0.104 0.0424 0.0818 0.0608 0.101 "
        "0.0661 0.0718 0.0443 0.0576 0.0248 0.0665 0.0555 - 0.0565 0.0733 0.0439 0.116 0.0455 "
        "0.0733 0.0562 0.0591 0.0666"
    ),
}
"""The demo at a constant learning rate of 2e-5, which fell."""

PARTS = {
    "right": ("2 5 15 33 64 107 125 135 144 185 192 157 163 212 164 186 165 192 196 188"),
    "silent": ("30 28 22 15 8 9 10 5 11 12 9 18 16 19 11 14 18 19 16 18"),
    "length": (
        "29.8 27.8 26.8 22.2 18.7 16.9 14.6 14.0 13.2 13.2 13.1 12.9 12.8 12.7 12.6 12.5 12.7 "
        "12.7 12.6 12.6"
    ),
    "entropy": (
        "- 2.25 - 1.94 1.52 1.96 - 1.82 1.66 1.7 1.63 1.56 1.31 1.61 1.38 1.28 1.23 1.13 1.25 "
        "1.3 0.96 0.831 0.663 0.684 0.591 0.576 0.528 0.544 0.407 0.454 0.503 0.288 0.187 0.185 "
        "0.45 0.317 0.225 0.316 0.326 0.214 0.164 0.148 0.161 0.235 0.318 0.102 0.166 0.147 "
        "0.0953 0.129 0.236 0.282 0.265 0.124 0.18 0.17 0.113 0.15 0.138 0.111 0.0986 0.107 "
        "0.0756 0.131 0.0888 0.173 0.158 0.0982 0.266 0.0875 0.119 0.139 0.0661 0.132 0.131 "
        "0.0815 0.112 0.0915 0.1 0.179"
    ),
    "ratio": (
        "- 1.0 - 2.3 1.0 1.59 - 1.96 1.0 1.42 5.84 140.0 1.0 2.28 2.58 21.4 1.0 1.9 8.89 42.1 "
        "1.0 1.53 1.95 3.44 1.0 2.4 5.24 3.35 1.0 1.44 4.04 66.5 1.0 2.19 2.14 2.68 1.0 1.63 "
        "1.79 1.97 1.0 1.42 1.87 4.92 1.0 1.48 1.45 2.65 1.0 1.43 1.83 1.58 1.0 1.56 1.44 1.57 "
        "1.0 1.62 1.38 1.43 1.0 1.69 1.45 2.52 1.0 1.5 1.57 2.74 1.0 1.12 1.44 1.47 1.0 1.49 "
        "1.48 1.72 1.0 1.41 1.84 1.65"
    ),
    "clipped": (
        "- 0.0 - 0.0602 0.0 0.00698 - 0.0407 0.0 0.00917 0.0497 0.0628 0.0 0.0203 0.0383 0.0705 "
        "0.0 0.0175 0.0361 0.0576 0.0 0.0149 0.0347 0.0823 0.0 0.0231 0.0266 0.0409 0.0 0.0076 "
        "0.0139 0.0307 0.0 0.00778 0.0125 0.0181 0.0 0.0112 0.0125 0.00678 0.0 0.00735 0.00615 "
        "0.0212 0.0 0.0099 0.00583 0.0159 0.0 0.012 0.00608 0.0204 0.0 0.00347 0.00233 0.00639 "
        "0.0 0.00948 0.00488 0.00168 0.0 0.00332 0.0189 0.0239 0.0 0.0123 0.00946 0.00658 0.0 "
        "0.0 0.00189 0.0024 0.0 0.00498 0.00196 0.00505 0.0 0.00977 0.00654 0.0"
    ),
}
"""The demo with four updates a round: 20 rounds of 32 problems, 80 updates."""


def seen(run: dict[str, str], completions: int = 64, groups: int = 8) -> list[StepRecord]:
    """The steps of one of these runs; where a round has several updates, they share its figures."""

    def column(name: str) -> list[float | None]:
        return [None if v == "-" else float(v) for v in run.get(name, "").split()]

    right, silent = ([int(v) for v in run[name].split()] for name in ("right", "silent"))
    length = [float(v) for v in run["length"].split()]
    entropy, ratio, clipped = (column(name) for name in ("entropy", "ratio", "clipped"))
    parts = len(entropy) // len(right)
    return [
        a_step(
            step=i + 1,
            round=i // parts,
            part=i % parts,
            reward=right[i // parts] / completions,
            accuracy=right[i // parts] / completions,
            completions=completions,
            completion_tokens=length[i // parts],
            groups=groups,
            groups_without_signal=silent[i // parts],
            entropy=entropy[i],
            kl=None,
            ratio_max=ratio[i] if ratio else 1.0,
            clip_fraction=clipped[i] if clipped else 0.0,
        )
        for i in range(len(entropy))
    ]
