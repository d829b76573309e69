"""Supervised fine-tuning, preferences and reward models against TRL's own trainers, row by row.

    make bench-trl-install               # once: TRL in .venv-trl
    python benchmarks/against_trl_line.py

Six rows of text, one update. TRL's SFTTrainer, DPOTrainer, CPOTrainer, ORPOTrainer and
RewardTrainer take their own step on a small model (`trl_line_side.py`), in three micro-batches,
padded; here the same text becomes a round, and its packed gradient is summed. Each entry is how far
the two are apart: of the loss, and of the gradient by all weights as a share of its norm. Both
compute in fp32, so that 1e-6 is rounding. In the last rows the two differ on purpose.

Exits with 1 where a row is not what it is said to be.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from common import HERE
from line_rows import ROWS, Case
from safetensors.torch import load_file
from sides import check_trl, run_process
from torch import Tensor

from paceline import objective as room
from paceline.batch import Batch
from paceline.layout import TokenRows
from paceline.model import load_policy, load_tokenizer, resolve
from paceline.model.make_scorer import load_scorer
from paceline.model.scorer import RewardScorer
from paceline.objective import named
from paceline.types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict

SAME = 1e-5
"""Below it, two gradients are the same to the rounding of fp32."""
Gradient = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the printed table."""

    said: str
    """TRL's trainer and settings."""
    here: str
    case: Case
    loss: Any
    """Ours."""
    same: bool = True
    """Whether the two are said to be the same."""
    less: Case | None = None
    """A case whose gradient is taken off TRL's, so that one term is compared."""


def rows() -> Iterator[Row]:
    """What is compared: the table of docs/migrating.md, and what TRL does otherwise."""
    yield from documented()
    orpo, smoothed = named.orpo(lam=0.3), {"label_smoothing": 0.2}
    yield Row(
        "ORPOTrainer, beta=0.3, less the same with beta=0: its odds",
        "orpo(lam=0.3), less its likelihood",
        Case("ORPOTrainer", {"beta": 0.3}),
        replace(orpo, likelihood=0.0),
        less=Case("ORPOTrainer", {"beta": 0.0}),
    )
    yield Row(
        "ORPOTrainer, beta=0.3: its likelihood is of the prompt too",
        "orpo(lam=0.3)", Case("ORPOTrainer", {"beta": 0.3}), orpo, same=False,
    )  # fmt: skip
    yield Row(
        "DPOTrainer, label_smoothing=0.2: not smoothed",
        "dpo(smoothing=0.2)", Case("DPOTrainer", smoothed), named.dpo(smoothing=0.2), same=False,
    )  # fmt: skip
    yield Row(
        "DPOTrainer, sigmoid and sft: a mean over the tokens of a micro-batch",
        "dpo(likelihood=1.0)", Case("DPOTrainer", {"loss_type": ["sigmoid", "sft"]}),
        named.dpo(likelihood=1.0), same=False,
    )  # fmt: skip


def documented() -> Iterator[Row]:
    """The rows of the table in docs/migrating.md; those of reward models with and without the
    margins of the rows."""
    page = (HERE.parent / "docs" / "migrating.md").read_text(encoding="utf-8")
    section = page.partition("\n## Demonstrations, pairs and reward models\n")[2]
    table = re.search(r"^\| TRL [^\n]*\n\|[-|]+\n((?:\|.*\n)+)", section, re.M)
    assert table is not None, "docs/migrating.md has no table for these trainers"
    for line in table[1].splitlines():
        trainer, switches, here = (cell.strip("` ") for cell in line.strip("|").split(" | "))
        settings = {} if switches == "the defaults" else eval(f"dict({switches})")
        loss = eval(here, dict(vars(room)))
        for margins in (False, True) if trainer == "RewardTrainer" else (False,):
            said = f"{trainer}, {switches}{', margins' if margins else ''}"
            yield Row(said, here, Case(trainer, settings, margins), loss)


# Ours -----------------------------------------------------------------------------------------


def write_models(folder: Path) -> dict[str, str]:
    """A policy, a reference of other weights, and a reward model: their folders."""
    source = resolve("tiny")
    tokenizer = load_tokenizer(source)
    folders = {name: folder / name for name in ("policy", "reference", "reward")}
    for seed, name in enumerate(("policy", "reference")):
        load_policy(source, tokenizer, dtype=torch.float32, seed=seed).save(folders[name])
    scorer = load_scorer(RewardScorer, source, tokenizer, head="normal", dtype=torch.float32)
    scorer.save(folders["reward"])
    return {name: str(place) for name, place in folders.items()}


def round_of(tokenizer: Any, case: Case) -> Round:
    """The rows as a round, each completion ended by the stop token."""
    groups = []
    for i, (prompt, chosen, rejected, margin) in enumerate(ROWS):
        problem = Problem(str(i), prompt)
        margins = {"margin": margin} if case.margins else {}
        texts = [(chosen, Verdict(1.0, margins))]
        if case.trainer != "SFTTrainer":
            texts.append((rejected, Verdict(0.0)))
        rollouts = tuple(
            Rollout(problem, Completion(tokens(tokenizer, text, True), (), text, "stop"), verdict)
            for text, verdict in texts
        )
        groups.append(Group(problem, Prompt(tokens(tokenizer, prompt)), rollouts))
    return Round(0, tuple(groups))


def tokens(tokenizer: Any, text: str, ends: bool = False) -> tuple[int, ...]:
    found = tokenizer(text, add_special_tokens=False)["input_ids"]
    return (*found, tokenizer.eos_token_id) if ends else tuple(found)


def update_of(case: Case, loss: Any, folders: dict[str, str]) -> tuple[float, Gradient]:
    """Loss and gradient of all rows in one update."""
    source = resolve(folders["reward" if case.trainer == "RewardTrainer" else "policy"])
    tokenizer = load_tokenizer(source)
    if case.trainer == "RewardTrainer":
        model = load_scorer(RewardScorer, source, tokenizer, head="zero", dtype=torch.float32)
    else:
        model = load_policy(source, tokenizer, dtype=torch.float32)
    round = round_of(tokenizer, case)
    if loss.needs_reference:
        reference = load_policy(resolve(folders["reference"]), tokenizer, dtype=torch.float32)
        with torch.no_grad():
            ref_BT = reference.score(TokenRows.of(round), 1.0).logp_BT
        pairs = zip(ref_BT.tolist(), round.lengths, strict=True)
        round = replace(round, ref=tuple(tuple(row[:n]) for row, n in pairs))
    total = 0.0
    for micro in Batch.of(round, range(len(ROWS)), loss, anchored=False).micro(128):
        share, measured = model.loss(loss, micro, 1.0)  # type: ignore[arg-type]
        share.backward()
        # A likelihood's own loss is reported less a constant.
        if case.trainer == "SFTTrainer":
            assert measured.nll is not None  # of an objective it is always measured
            total += measured.nll * measured.tokens / sum(round.lengths)
        else:
            total += measured.loss
    return total, {name: p.grad for name, p in model.module.named_parameters()}


# Comparing ------------------------------------------------------------------------------------


def ask(cases: list[Case], folders: dict[str, str], python: Path, work: Path) -> tuple[list, str]:
    """Losses and gradients that TRL makes of the cases, and the versions that did."""
    asked, found = work / "asked.json", work / "found"
    question = {"folders": folders, "cases": [asdict(case) for case in cases]}
    asked.write_text(json.dumps(question), encoding="utf-8")
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [str(python), str(HERE / "trl_line_side.py"), str(asked), str(found)]
    run_process(command, work / "trl.log", env)
    answer = json.loads((found / "answer.json").read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in answer["versions"].items())
    gradients = [load_file(found / f"{i}.safetensors") for i in range(len(cases))]
    return list(zip(answer["losses"], gradients, strict=True)), versions


def apart(ours: tuple[float, Gradient], theirs: tuple[float, Gradient]) -> tuple[float, float]:
    """Of the losses, and of the gradients as a share of the norm of theirs."""
    if ours[1].keys() != theirs[1].keys():
        raise SystemExit(f"Other weights: {sorted(ours[1].keys() ^ theirs[1].keys())}.")
    flat = [torch.cat([g[name].flatten() for name in sorted(g)]) for _, g in (ours, theirs)]
    if not flat[1].norm() > 1e-3:
        raise SystemExit("TRL has no gradient here, so that nothing would be compared.")
    return abs(ours[0] - theirs[0]), ((flat[0] - flat[1]).norm() / flat[1].norm()).item()


def difference(
    one: tuple[float, Gradient], other: tuple[float, Gradient]
) -> tuple[float, Gradient]:
    """One update less another."""
    return one[0] - other[0], {name: g - other[1][name] for name, g in one[1].items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    own = HERE.parent / ".venv-trl" / "bin" / "python"
    parser.add_argument("--trl-python", type=Path, default=own, help="an interpreter with TRL")
    args = parser.parse_args()
    check_trl(args.trl_python)
    wanted = list(rows())
    cases = [case for row in wanted for case in (row.case, *([row.less] if row.less else []))]
    with tempfile.TemporaryDirectory() as folder:
        folders = write_models(Path(folder))
        answers, versions = ask(cases, folders, args.trl_python, Path(folder))
        print(f"{versions}; {len(ROWS)} rows in one update\n")
        known = {repr(case): answer for case, answer in zip(cases, answers, strict=True)}
        print("| TRL | here | loss | gradient |\n|---|---|---|---|")
        wrong = 0
        for row in wanted:
            theirs = known[repr(row.case)]
            if row.less is not None:
                theirs = difference(theirs, known[repr(row.less)])
            loss, gradient = apart(update_of(row.case, row.loss, folders), theirs)
            print(f"| {row.said} | `{row.here}` | {loss:.0e} | {gradient:.0e} |", flush=True)
            wrong += row.same != (max(loss, gradient) < SAME)
    if wrong:
        sys.exit(f"\n{wrong} entries are not what they are said to be.")


if __name__ == "__main__":
    main()
