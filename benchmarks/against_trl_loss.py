"""The tables for those who come from TRL, row by row, against TRL's own loss of the same numbers.

    make bench-trl-install               # once: TRL in .venv-trl
    python benchmarks/against_trl_loss.py

The rows are read from docs/migrating.md; those of its keys that stand in no objective follow,
and what TRL does otherwise. TRL's GRPOTrainer and RLOOTrainer run a training step from fixed
log-probabilities, rewards and lengths (`trl_loss_side.py`), ours makes a `Batch` of the same and
its loss. Each entry has the largest difference over two parts, with the ratios of a later update
and with ratios of 1: of the loss, and of the gradient by the log-probabilities as a share of its
largest entry. TRL holds advantages in fp32, so that 1e-7 is rounding. `cispo` has another loss than
TRL's by a constant, and no entry for it.

Exits with 1 where a row is not what it is said to be.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from fixed_part import ROWS, WIDTH, Case, FixedPart, Update, write
from sides import ask_trl, trl_python
from torch import Tensor
from trl_rows import (
    PARTS,
    Check,
    Ours,
    Row,
    cells_of,
    of_the_keys,
    otherwise,
    rloo,
    several_updates,
    with_kl,
)

from paceline.batch import Batch
from paceline.model import tiny
from paceline.objective import Scores
from paceline.types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict
from paceline.verify import Weighted, judge

LONGEST = 512
"""TRL's max_completion_length unless it is set."""
SAME = 1e-5
"""Below it, two gradients are the same to the rounding of fp32."""


# Ours -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Given:
    """A verifier that knows the reward of each row, by the number that its text is."""

    rewards: list[float]

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        return Verdict(self.rewards[int(completion.text)])


def round_of(part: FixedPart, ours: Ours, anchored: bool) -> Round:
    """The part as a round that was sampled, judged and scored."""
    parts = zip(("first", "second"), part.rewards, ours.parts_of_reward, strict=False)
    verifier = Weighted(tuple((name, Given(rewards), weight) for name, rewards, weight in parts))
    rollouts = []
    for row, length in enumerate(part.lengths):
        problem = Problem(str(row // ours.group), "?")
        completion = Completion(
            token_ids=(5,) * length,
            logprobs=tuple(part.anchor[row][:length]),
            text=str(row),
            finish="length" if part.cut[row] else "stop",
            sampled=tuple(part.sampled[row][:length]) if ours.holes else None,
        )
        masked = ours.mask_cut and part.cut[row]
        rollouts.append(Rollout(problem, completion, judge(verifier, problem, completion), masked))
    groups = [rollouts[i : i + ours.group] for i in range(0, ROWS, ours.group)]
    made = tuple(Group(g[0].problem, Prompt((7,)), tuple(g)) for g in groups)
    anchor, ref = (
        tuple(x[:n] for x, n in zip(column, part.lengths, strict=True))
        for column in (part.anchor, part.ref)
    )
    needed = anchored or ours.objective.needs_anchor_for_advantages
    return Round(0, made, anchor=anchor if needed else None, ref=ref)


def update_of(part: FixedPart, ours: Ours, anchored: bool) -> Update:
    """Loss and gradient of all the part's rows in one update."""
    objective = ours.objective.resolved(LONGEST)
    round = round_of(part, ours, anchored)
    batch = Batch.of(round, range(len(round.groups)), objective, anchored=anchored)
    logp_BT = torch.tensor(part.logp, dtype=torch.float64, requires_grad=True)
    entropy_BT = torch.tensor(part.entropy, dtype=torch.float64, requires_grad=True)
    index, width = list(batch.index), batch.tokens.mask_BT.shape[1]
    loss = objective.value(Scores(logp_BT[index, :width], entropy_BT[index, :width]), batch.tokens)
    slopes = torch.autograd.grad(
        loss, (logp_BT, entropy_BT), allow_unused=True, materialize_grads=True
    )
    return Update(loss.item(), slopes[0].tolist(), slopes[1].tolist(), list(range(ROWS)))


# Comparing ------------------------------------------------------------------------------------


def ask(cases: list[Case], parts: list[FixedPart], python: Path) -> tuple[list[list[Update]], str]:
    """What TRL makes of the cases, and the versions that did."""
    with tempfile.TemporaryDirectory() as folder:
        model, asked = Path(folder) / "model", Path(folder) / "asked.json"
        tiny.model().save_pretrained(model)
        tiny.tokenizer().save_pretrained(model)
        write(asked, model, parts, cases)
        answer, versions = ask_trl(python, "trl_loss_side.py", asked)
    return [[Update(**u) for u in updates] for updates in answer["updates"]], versions


def apart(ours: Update, theirs: Update) -> tuple[float, float]:
    """Of the losses, as a share where theirs is above 1, and of the gradients as a share of the
    largest entry of theirs."""
    slopes = [torch.tensor([u.logp_slope, u.entropy_slope]) for u in (ours, theirs)]
    largest = slopes[1].abs().max().item()
    if largest < 1e-6:
        raise SystemExit("TRL has no gradient here, so that nothing would be compared.")
    loss = abs(ours.loss - theirs.loss) / max(1.0, abs(theirs.loss))
    return loss, (slopes[0] - slopes[1]).abs().max().item() / largest


def table(
    title: str, rows: list[Row], found: Callable[[Case], Update], parts: list[FixedPart]
) -> int:
    """Print rows as Markdown; how many entries are not what they are said to be."""
    columns = list(dict.fromkeys(name for row in rows for name in row.columns))
    print(f"\n| {title} | here | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
    wrong = 0
    for row in rows:
        cells = []
        for name in columns:
            checks = row.columns.get(name, [])
            each = [measured(check, found(check.case), parts) for check in checks]
            losses = [loss for loss, _ in each if loss is not None]
            gradient = max((gradient for _, gradient in each), default=None)
            cells.append(", ".join("–" if x is None else f"{x:.0e}" for x in (
                max(losses, default=None), gradient)) if each else "–")  # fmt: skip
            if each:
                wrong += row.same != (max([*losses, gradient or 0.0]) < SAME)
        print(f"| `{row.said}` | `{row.here}` | {' | '.join(cells)} |")
    return wrong


def measured(check: Check, theirs: Update, parts: list[FixedPart]) -> tuple[float | None, float]:
    """How far apart loss and gradient are; None for a loss that is another by a constant."""
    anchored = check.case.settings["num_iterations"] > 1
    ours = update_of(parts[check.case.part], check.ours, anchored)
    loss, gradient = apart(ours, theirs)
    return loss if check.compares_loss else None, gradient


def tell_updates(checks: list[Check], found: list[list[Update]], parts: list[FixedPart]) -> int:
    """Print by what factor TRL's updates differ from token means of their own; how many by
    another than the tokens say."""
    print('\nTwo updates of one generation, `loss_type="dapo"`; here `schedule.minibatches=2`:\n')
    wrong = 0
    for check, updates in zip(checks, found, strict=True):
        part = parts[check.case.part]
        tokens_B = torch.tensor(part.sampled).sum(1)
        for number, theirs in enumerate(updates):
            ours = mean_by_token(part, check.ours, theirs.rows)
            factor = (tokens_B[theirs.rows].sum() / (tokens_B.sum() / check.case.updates)).item()
            slope_BT = torch.tensor(theirs.logp_slope)
            off = ((ours * factor - slope_BT).abs().max() / slope_BT.abs().max()).item()
            wrong += off > SAME
            print(f"- part {check.case.part}, update {number + 1}: TRL's gradient is ours × "
                  f"{factor:.3f}, the update's tokens by their mean over the updates "
                  f"(to {off:.0e})")  # fmt: skip
    return wrong


def mean_by_token(part: FixedPart, ours: Ours, rows: list[int]) -> Tensor:
    """[B, T] our gradient of an update of these rows, whatever their groups."""
    whole = round_of(part, ours, anchored=True)
    kept = replace(ours.objective, entropy=1e-300)  # so that no row is dropped
    batch = Batch.of(whole, range(len(whole.groups)), kept)
    tokens = batch.tokens.rows(rows)
    weight_BT = ours.objective.weights(tokens.mask_BT, torch.arange(len(rows)))
    logp_BT = torch.tensor(part.logp, dtype=torch.float64, requires_grad=True)
    scores = Scores(logp_BT[rows, : weight_BT.shape[1]], torch.zeros_like(weight_BT))
    loss = ours.objective.value(scores, replace(tokens, weight_BT=weight_BT))
    return torch.autograd.grad(loss, logp_BT)[0]


def main() -> None:
    python = trl_python(__doc__)
    parts = [FixedPart.draw(seed) for seed in range(PARTS)]
    tables = {
        "TRL, as in docs/migrating.md": [with_kl(*cells) for cells in cells_of("Objectives")],
        "TRL's other trainer": [rloo()],
        "TRL, keys of docs/migrating.md": of_the_keys(),
        "TRL, and the nearest that is not the same": otherwise(),
    }
    updates = several_updates()
    checks = [
        check
        for rows in tables.values()
        for row in rows
        for checks in row.columns.values()
        for check in checks
    ]
    cases = [check.case for check in (*checks, *updates)]
    answers, versions = ask(cases, parts, python)
    print(f"{versions}; {ROWS} completions of at most {WIDTH} tokens, {len(cases)} cases")
    known = {repr(case): update[0] for case, update in zip(cases, answers, strict=True)}
    wrong = sum(
        table(title, rows, lambda case: known[repr(case)], parts) for title, rows in tables.items()
    )
    wrong += tell_updates(updates, answers[-len(updates) :], parts)
    if wrong:
        sys.exit(f"\n{wrong} entries are not what they are said to be.")


if __name__ == "__main__":
    main()
