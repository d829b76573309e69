"""A run directory as training leaves it: sums up to 99, learned in eighty steps, all invented.

Deterministic (its numbers are hashes), so that a test may name them. One completion of the first
round is as nasty as model text can be.
"""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from paceline.chance import bits, key

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
OBJECTIVE = (
    "Objective(advantage=ZScore(ddof=1, eps=0.0001), ratio=TokenRatio(), surrogate=Clip(low=0.2,"
    " high=None), weight=PerSequence(), kl=None, entropy=0.0, correction=None)"
)
CONFIG = {
    "task": {"name": "arithmetic", "digits": 2, "held_out": 500},
    "model": {"name": "SmolLM2-135M-Instruct", "dtype": "float32", "lora": None},
    "sampling": {"problems": 8, "completions": 8, "max_tokens": 48, "temperature": 1.0},
    "schedule": {"rounds": 80, "parts": 1, "epochs": 1, "seed": 7},
    "optimizer": {"name": "AdamW", "lr": 1e-5, "betas": [0.9, 0.95], "clip_norm": 1.0},
    "evaluation": {"every": 10, "problems": 500},
    "tracker": {"api_key": "sk-very-secret"},
}
SUMMARY = {
    "before": {
        "n": 500,
        "sampled_accuracy": 0.032,
        "greedy_accuracy": 0.046,
        "intervals": {"sampled_accuracy": [0.0198, 0.0514], "greedy_accuracy": [0.0308, 0.0682]},
        "cut": 0.412,
    },
    "after": {
        "n": 500,
        "sampled_accuracy": 0.784,
        "greedy_accuracy": 0.858,
        "intervals": {"sampled_accuracy": [0.7459, 0.8179], "greedy_accuracy": [0.8247, 0.8859]},
        "cut": 0.004,
    },
    "seconds": 588.0,
    "steps": 80,
    "counters": {"verifier_failures": 0, "memory_retries": 0},
    "model": "model",
}


def chance(*parts: int | str) -> float:
    return bits(key("fake", *parts), 0) / 2**64


def skill(step: int, steps: int) -> float:
    """The share of right answers that the invented policy reaches at a step."""
    return 0.03 + 0.78 / (1 + math.exp(-(step / max(steps, 1) - 0.42) * 11))


def metric_line(step: int, steps: int, groups: int = 8, size: int = 8) -> dict[str, Any]:
    p, noise, rows = skill(step, steps), lambda name: chance(name, step) - 0.5, groups * size
    right = round(rows * min(1.0, max(0.0, p + 0.12 * noise("right"))))
    cut = round(rows * max(0.0, 0.42 * (1 - p / 0.8) + 0.08 * noise("cut")))
    cut = min(cut, rows - right)
    other = (rows - right - cut) // 2
    line: dict[str, Any] = {
        "step": step,
        "round": step,
        "reward": right / rows + 0.2 * (1 - cut / rows),
        "accuracy": right / rows,
        "completion_tokens": 17 + 26 * (1 - p) + 3 * noise("length"),
        "cut": cut / rows,
        "stop_reasons": {"stop": rows - cut, "length": cut},
        "groups": groups,
        "groups_without_signal": round(groups * max(0.0, abs(p - 0.45) - 0.12 + 0.3 * noise("s"))),
        "grad_norm": 0.6 + 0.5 * p + 0.4 * abs(noise("g")) + (3.1 if step == 23 else 0.0),
        "entropy": 1.9 * (1 - p) ** 1.5 + 0.12 + 0.1 * noise("e"),
        "kl": None,
        "ratio_max": 1.0,
        "clip_fraction": 0.0,
        "mismatch": 0.0004 + 0.0003 * chance("m", step),
        "lr": 1e-5,
        "tokens_per_second": 610 + 90 * noise("speed"),
        "rows_trained": rows - 8,
        "rows": rows,
        "memory_gb": 2.4 + 0.01 * step / max(steps, 1),
        "seconds": 6.9,
        "phases": {
            "sample": 3.4 * (1.4 - p) + 0.3 * chance("t", step),
            "verify": 0.12,
            "score": 0.6,
            "update": 2.1 * (1.2 - p / 2),
            "save": 0.9 if step % 20 == 0 else 0.05,
        },
        "reasons": {
            RIGHT: right,
            WRONG: rows - right - cut - other,
            "the completion was cut before an answer": cut,
            NONE: other,
        },
    }
    if step % 10 == 0:
        line["evaluation"] = {"sampled_accuracy": p - 0.01, "greedy_accuracy": min(1.0, p + 0.06)}
    return line


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


def rollout_rows(step: int, steps: int, groups: int, size: int) -> list[dict[str, Any]]:
    rows = []
    for draw in range(groups):
        a, b = (10 + int(89 * chance(n, step, draw)) for n in ("a", "b"))
        ease = min(0.98, max(0.0, skill(step, steps) + 0.5 * (chance("ease", step, draw) - 0.5)))
        found = [completion(a, b, ease, step, draw, i) for i in range(size)]
        if step == 1 and draw == 0:
            found[1]["tokens"] = [NASTY[:14], NASTY[14:40], NASTY[40:], "\n", "   ", "\t", "…"]
        mean = sum(c["reward"] for c in found) / size
        std = math.sqrt(sum((c["reward"] - mean) ** 2 for c in found) / (size - 1))
        for i, c in enumerate(found):
            doubt = [chance("p", step, draw, i, t) for t in range(len(c["tokens"]))]
            old = [-3.5 * (1.1 - ease) * d**6 - 0.002 * d for d in doubt]
            rows.append(
                {
                    "round": step,
                    "step": step,
                    "problem_id": f"sum-{a}-{b}",
                    "prompt": PROMPT.format(a=a, b=b),
                    "answer": str(a + b),
                    "completion": "".join(c["tokens"]).removesuffix("<|im_end|>"),
                    "token_ids": [hash_id(t) for t in c["tokens"]],
                    "tokens": c["tokens"],
                    "old": old,
                    "anchor": [x * 1.01 for x in old],
                    "ref": None,
                    "reward": c["reward"],
                    "parts": json.dumps({"answer": float(c["right"]), "format": 0.2}),
                    "reason": c["reason"],
                    "correct": c["right"],
                    "finish": "length" if c["cut"] else "stop",
                    "advantage": [(c["reward"] - mean) / (std + 1e-4) if std else 0.0],
                    "masked": False,
                    "draw": (step - 1) * groups + draw,
                    "index": i,
                }
            )
    return rows


def hash_id(piece: str) -> int:
    return key("id", piece) % 49152


FLOATS = pa.list_(pa.float32())
SCHEMA = pa.schema(
    [(n, pa.int64()) for n in ("round", "step", "draw", "index")]
    + [(n, pa.string()) for n in ("problem_id", "prompt", "answer", "completion")]
    + [(n, pa.string()) for n in ("parts", "reason", "finish")]
    + [(n, FLOATS) for n in ("old", "anchor", "ref", "advantage")]
    + [("token_ids", pa.list_(pa.int32())), ("tokens", pa.list_(pa.string()))]
    + [("reward", pa.float64()), ("correct", pa.bool_()), ("masked", pa.bool_())]
)


def write_round(folder: Path, step: int, steps: int, groups: int = 8, size: int = 8) -> None:
    folder.mkdir(exist_ok=True)
    table = pa.Table.from_pylist(rollout_rows(step, steps, groups, size), schema=SCHEMA)
    pq.write_table(table, folder / f"round-{step:06d}.parquet")


def fake_run(
    folder: Path, steps: int = 80, *, of: int = 80, finished: bool = True, every: int = 1
) -> Path:
    """A run of `steps` steps out of `of`, one round a step, its rollouts kept every so many."""
    folder.mkdir(parents=True)
    config = {
        "name": folder.name,
        "config": CONFIG,
        "objective": OBJECTIVE,
        "versions": {"paceline": "0.1.0", "python": "3.12.4", "torch": "2.13.0"},
        "machine": {"cpus": 2, "device": "cpu", "dtype": "float32"},
        "command": f"paceline train arithmetic_smollm2 --name {folder.name}",
        "started": "2026-11-21T04:10:00+00:00",
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    lines = [metric_line(s, of) for s in range(1, steps + 1)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for step in range(1, steps + 1):
        if step % every == 0 or step in (1, steps):
            write_round(folder / "rollouts", step, of)
    if finished:
        (folder / "summary.json").write_text(json.dumps({**SUMMARY, "steps": steps}))
    return folder
