"""Supervised fine-tuning, preferences and reward models against TRL's own trainers, row by row.

    make bench-trl-install               # once: TRL in .venv-trl
    python benchmarks/against_trl_line.py

Six rows of text, one update. TRL's SFTTrainer, DPOTrainer, CPOTrainer, ORPOTrainer and
RewardTrainer take their own step on a small model (`trl_line_side.py`), in three micro-batches,
padded; here the same text becomes a round, and its packed gradient is summed. Each entry is how far
the two are apart: of the loss, and of the gradient by all weights as a share of its norm. Both
compute in fp32, so that 1e-6 is rounding. In the last rows the two differ on purpose; so they do in
what they train of a conversation.

Exits with 1 where a row is not what it is said to be.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from line_rows import CONVERSATION, ROWS, Case
from safetensors.torch import load_file
from sides import ask_trl, trl_python
from torch import Tensor
from trl_rows import cells_of, settings_of, value_of

from paceline.batch import Batch
from paceline.layout import TokenRows
from paceline.model import load_policy, load_tokenizer, resolve
from paceline.model.conversation import conversation
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
    for trainer, switches, here in cells_of("Demonstrations, pairs and reward models"):
        settings, loss = settings_of(switches), value_of(here)
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


@dataclass(frozen=True, slots=True)
class Theirs:
    """What TRL's trainers answered."""

    updates: list[tuple[float, Gradient]]
    """Loss and gradient of each case."""
    trained: dict[str, str]
    """By trainer, what trains of a conversation."""
    versions: str


def ask(cases: list[Case], folders: dict[str, str], python: Path, work: Path) -> Theirs:
    """What TRL's trainers make of the cases."""
    asked = work / "asked.json"
    question = {"folders": folders, "cases": [asdict(case) for case in cases]}
    asked.write_text(json.dumps(question), encoding="utf-8")
    answer, versions = ask_trl(python, "trl_line_side.py", asked)
    gradients = [load_file(work / f"{i}.safetensors") for i in range(len(cases))]
    updates = list(zip(answer["losses"], gradients, strict=True))
    return Theirs(updates, answer["trained"], versions)


def tell_conversation(trained: dict[str, str]) -> int:
    """Print what trains of a conversation; how many of TRL's trainers train what is trained here,
    though it is said that they train a line break behind it too."""
    prompt, answer = CONVERSATION
    (row,) = conversation(load_tokenizer(resolve("tiny")), prompt, answer)
    ours = load_tokenizer(resolve("tiny")).decode(row.completion.token_ids)
    print(f"\nOf a conversation {ours!r} is trained here, and by TRL:\n")
    for trainer, theirs in trained.items():
        print(f"- {trainer}: {theirs!r}")
    return sum(theirs != f"{ours}\n" for theirs in trained.values())


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
    python = trl_python(__doc__)
    wanted = list(rows())
    cases = [case for row in wanted for case in (row.case, *([row.less] if row.less else []))]
    with tempfile.TemporaryDirectory() as folder:
        folders = write_models(Path(folder))
        theirs = ask(cases, folders, python, Path(folder))
        print(f"{theirs.versions}; {len(ROWS)} rows in one update\n")
        known = {repr(case): update for case, update in zip(cases, theirs.updates, strict=True)}
        print("| TRL | here | loss | gradient |\n|---|---|---|---|")
        wrong = 0
        for row in wanted:
            update = known[repr(row.case)]
            if row.less is not None:
                update = difference(update, known[repr(row.less)])
            loss, gradient = apart(update_of(row.case, row.loss, folders), update)
            print(f"| {row.said} | `{row.here}` | {loss:.0e} | {gradient:.0e} |", flush=True)
            wrong += row.same != (max(loss, gradient) < SAME)
    wrong += tell_conversation(theirs.trained)
    if wrong:
        sys.exit(f"\n{wrong} entries are not what they are said to be.")


if __name__ == "__main__":
    main()
