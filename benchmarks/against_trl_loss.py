"""The tables for those who come from TRL, row by row, against TRL's own loss of the same numbers.

    make bench-trl-install               # once: TRL in .venv-trl
    python benchmarks/against_trl_loss.py

The rows are read from docs/objectives.md; those of the README that stand in no objective follow,
and what TRL does otherwise. TRL's GRPOTrainer and RLOOTrainer run a training step from fixed
log-probabilities, rewards and lengths (`trl_loss_side.py`), ours makes a `Batch` of the same and
its loss. Shown is the largest difference over two parts, with the ratios of a later update and with
ratios of 1: of the loss, and of the gradient by the log-probabilities as a share of its largest
entry. TRL holds advantages in fp32, so that 1e-7 is rounding.

Exits with 1 where a row is not what it is said to be.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from common import HERE
from fixed_part import ROWS, WIDTH, Case, FixedPart, Update, write
from sides import check_trl, run_process
from torch import Tensor

from paceline import objective as room
from paceline.batch import Batch
from paceline.model import tiny
from paceline.objective import KL, Objective, Scores
from paceline.types import Completion, Group, Problem, Rollout, Round, Verdict
from paceline.verify import Weighted, judge

BETA, ENTROPY = 0.07, 0.03
LONGEST = 512
"""TRL's max_completion_length unless it is set."""
SAME = 1e-5
"""Below it, two gradients are the same to the rounding of fp32."""
PARTS = 2
DOCS = (HERE.parent / "docs" / "objectives.md").read_text(encoding="utf-8")
README = (HERE.parent / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Ours:
    """How paceline makes its loss of a part."""

    objective: Objective
    group: int = 4
    """Completions of a problem."""
    mask_cut: bool = False
    holes: bool = True
    """Whether tokens that the model did not sample are left out; RLOOTrainer has no such mask."""
    parts_of_reward: tuple[float, ...] = (1.0,)
    """Weights of the reward functions."""


@dataclass(frozen=True, slots=True)
class Check:
    """A case of TRL's and what it is said to be here."""

    case: Case
    ours: Ours
    compares_loss: bool = True
    """False where TRL's loss is another by a constant, which has no gradient."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the printed table: several checks in each of its columns."""

    said: str
    """TRL's switches."""
    here: str
    columns: dict[str, list[Check]] = field(default_factory=dict)
    same: bool = True
    """Whether the two are said to be the same."""


# Ours -----------------------------------------------------------------------------------------


def round_of(part: FixedPart, ours: Ours, anchored: bool) -> Round:
    """The part as a round that was sampled, judged and scored."""
    verifiers = [
        (f"part{i}", lambda _, c, i=i: Verdict(part.rewards[i][int(c.text)]), weight)
        for i, weight in enumerate(ours.parts_of_reward)
    ]
    verifier, rollouts = Weighted(tuple(verifiers)), []
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
    columns = {
        name: tuple(x[:n] for x, n in zip(getattr(part, name), part.lengths, strict=True))
        for name in ("anchor", "ref")
    }
    if not anchored and not ours.objective.needs_anchor_for_advantages:
        del columns["anchor"]
    made = tuple(Group(g[0].problem, (7,), tuple(g)) for g in groups)
    return Round(0, made, **columns)


def update_of(part: FixedPart, ours: Ours, anchored: bool) -> Update:
    """Loss and gradient of all the part's rows in one update."""
    objective = ours.objective.resolved(LONGEST)
    round = round_of(part, ours, anchored)
    batch = Batch.of(round, range(len(round.groups)), objective, anchored=anchored)
    logp_BT = torch.tensor(part.logp, dtype=torch.float64, requires_grad=True)
    entropy_BT = torch.tensor(part.entropy, dtype=torch.float64, requires_grad=True)
    index, width = list(batch.index), batch.tokens.mask_BT.shape[1]
    loss = objective.loss(
        Scores(logp_BT[index, :width], entropy_BT[index, :width]), batch.tokens
    )
    slopes = torch.autograd.grad(
        loss, (logp_BT, entropy_BT), allow_unused=True, materialize_grads=True
    )
    return Update(loss.item(), *(s.tolist() for s in slopes), list(range(ROWS)))


# The rows -------------------------------------------------------------------------------------


def documented() -> Iterator[tuple[str, str]]:
    """(switches, value) of each row of the table in docs/objectives.md."""
    section = DOCS.partition("\n## Coming from another project\n")[2]
    table = re.search(r"^\| TRL [^\n]*\n\|[-|]+\n((?:\|.*\n)+)", section, re.M)
    assert table is not None, "docs/objectives.md has no table for TRL"
    for line in table[1].splitlines():
        said, here = (cell.strip("` ") for cell in line.strip("|").split(" | "))
        yield said, here


def settings_of(said: str) -> dict[str, Any]:
    return {} if said == "the defaults" else eval(f"dict({said})")


def value_of(here: str) -> Objective:
    return eval(here, vars(room))


def on_and_off(settings: dict[str, Any], ours: Ours, trainer: str = "grpo") -> list[Check]:
    """A case with the ratios of a later update and with ratios of 1, of every part."""
    loss = settings.get("loss_type") != "cispo"
    return [
        Check(Case({"num_iterations": n, **settings}, trainer, part=part), ours, loss)
        for n in (2, 1)
        for part in range(PARTS)
    ]


def with_kl(said: str, here: str) -> Row:
    """A row of the documentation, without KL and with either KL."""
    settings, value = settings_of(said), value_of(here)
    per_token = settings.get("importance_sampling_level") != "sequence"
    plain = {**settings, "beta": BETA, "use_bias_correction_kl": False}
    columns = {
        "no KL": on_and_off(settings, Ours(value)),
        "KL(β)": on_and_off(plain, Ours(replace(value, kl=KL(BETA)))),
    }
    if per_token:
        weighted = Ours(replace(value, kl=KL(BETA, weighted=True)))
        columns["KL(β, weighted=True)"] = on_and_off({**settings, "beta": BETA}, weighted)
    return Row(said, here, columns)


def of_the_readme() -> list[Row]:
    """What the README's table says beside the objective's own switches."""
    grpo: dict[str, Any] = {"loss_type": "grpo"}

    def row(said: str, here: str, settings: dict[str, Any], ours: Ours) -> Row:
        return Row(said, here, {"no KL": on_and_off(settings, ours)})

    split: dict[str, list[Check]] = {"no KL": []}
    for rows in (1, 2, 5, 10, 20):
        for settings, value in (({}, room.dapo(high=0.2)), (grpo, room.grpo())):
            split["no KL"] += on_and_off(
                {**settings, "per_device_train_batch_size": rows,
                 "gradient_accumulation_steps": ROWS // rows},
                Ours(value),
            )  # fmt: skip
    weights = {"reward_weights": [1.0, 0.5]}
    clip = {"epsilon": 0.1, "epsilon_high": 0.3}
    mask = {"mask_truncated_completions": True}
    lengths = {"loss_type": "dr_grpo", "scale_rewards": "none", "max_completion_length": 64}
    beta, plain = {"beta": 0.04}, {"beta": 0.04, "use_bias_correction_kl": False}
    weighted = room.grpo(kl=KL(0.04, weighted=True))
    return [
        row("num_generations=2", "rollouts.completions=2", {"num_generations": 2},
            Ours(room.dapo(high=0.2), group=2)),
        Row("per_device_train_batch_size × gradient_accumulation_steps = 20", "any split", split),
        row("beta=0.04", "'grpo(kl=KL(0.04, weighted=True))'", {**grpo, **beta}, Ours(weighted)),
        row("beta=0.04, use_bias_correction_kl=False", "'grpo(kl=0.04)'", {**grpo, **plain},
            Ours(room.grpo(kl=0.04))),
        row("epsilon=0.1, epsilon_high=0.3", "'grpo(low=0.1, high=0.3)'", {**grpo, **clip},
            Ours(room.grpo(low=0.1, high=0.3))),
        row("max_completion_length=64, with dr_grpo", "'dr_grpo(length=64)'", lengths,
            Ours(room.dr_grpo(length=64))),
        row("reward_weights=[1.0, 0.5]", "Weighted", {**grpo, **weights},
            Ours(room.grpo(), parts_of_reward=(1.0, 0.5))),
        row("mask_truncated_completions", "rollouts.mask_cut=true", mask,
            Ours(room.dapo(high=0.2), mask_cut=True)),
        row("the same, with grpo", "rollouts.mask_cut=true", {**grpo, **mask},
            Ours(room.grpo(), mask_cut=True)),
        row("entropy_coef=0.03, one micro-batch", "Objective(…, entropy=0.03)",
            {"entropy_coef": ENTROPY, "per_device_train_batch_size": ROWS,
             "gradient_accumulation_steps": 1},
            Ours(replace(room.dapo(high=0.2), entropy=ENTROPY))),
    ]  # fmt: skip


def rloo() -> Row:
    """RLOOTrainer, and the objective that docs/objectives.md writes for it."""
    (code,) = re.findall(r"^```python\n(# mine\.py\n.*?)^```$", DOCS, re.M | re.S)
    found: dict[str, Any] = {"__name__": "mine"}
    exec(code, found)
    sys.modules["mine"] = type(sys)("mine")
    value = found["clipped_rloo"]
    kl = Ours(replace(value, kl=KL(0.05, "k1", "reward")), holes=False)
    return Row("RLOOTrainer", "clipped_rloo", {
        "no KL": [
            Check(Case({"beta": 0.0, "num_iterations": 2}, "rloo", part=p),
                  Ours(value, holes=False)) for p in range(PARTS)
        ],
        "KL(0.05, k1, reward)": [
            Check(Case({"num_iterations": 2}, "rloo", part=p), kl) for p in range(PARTS)
        ],
    })  # fmt: skip


def otherwise() -> list[Row]:
    """What has no counterpart, with the nearest that there is, and how far that is."""

    def row(said: str, here: str, settings: dict[str, Any], value: Objective) -> Row:
        checks = on_and_off(settings, Ours(value))
        return Row(said, here, {"difference": checks}, same=False)

    gspo = {"loss_type": "grpo", "importance_sampling_level": "sequence",
            "epsilon": 3e-4, "epsilon_high": 4e-4, "beta": BETA}  # fmt: skip
    tokens = room.dapo(high=0.2)
    return [
        row("beta with importance_sampling_level=sequence", "gspo(kl=KL(β, weighted=True))", gspo,
            room.gspo(kl=KL(BETA, weighted=True))),
        row("the same", "gspo(kl=β)", gspo, room.gspo(kl=BETA)),
        row('beta with loss_type="grpo"', "grpo(kl=β)", {"loss_type": "grpo", "beta": BETA},
            room.grpo(kl=BETA)),
        row('loss_type="bnpo"', "dapo(high=0.2)", {"loss_type": "bnpo"}, tokens),
        row('scale_rewards="batch"', "GroupThenBatch()", {"scale_rewards": "batch"},
            replace(tokens, advantage=room.GroupThenBatch())),
        row("top_entropy_quantile=0.2", "dapo(high=0.2)", {"top_entropy_quantile": 0.2}, tokens),
        row("entropy_coef=0.03, four micro-batches", "entropy=0.03", {"entropy_coef": ENTROPY},
            replace(tokens, entropy=ENTROPY)),
        row('entropy_coef=0.03, loss_type="grpo"', "entropy=0.03",
            {"entropy_coef": ENTROPY, "loss_type": "grpo", "per_device_train_batch_size": ROWS,
             "gradient_accumulation_steps": 1}, replace(room.grpo(), entropy=ENTROPY)),
    ]  # fmt: skip


# Comparing ------------------------------------------------------------------------------------


def ask(cases: list[Case], parts: list[FixedPart], python: Path) -> tuple[list[list[Update]], str]:
    """What TRL makes of the cases, and the versions that did."""
    with tempfile.TemporaryDirectory() as folder:
        model, asked = Path(folder) / "model", Path(folder) / "asked.json"
        tiny.model().save_pretrained(model)
        tiny.tokenizer().save_pretrained(model)
        write(asked, model, parts, cases)
        found = asked.with_name("found.json")
        env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        command = [str(python), str(HERE / "trl_loss_side.py"), str(asked), str(found)]
        run_process(command, asked.with_suffix(".log"), env)
        answer = json.loads(found.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in answer["versions"].items())
    return [[Update(**u) for u in updates] for updates in answer["updates"]], versions


def apart(ours: Update, theirs: Update) -> tuple[float, float]:
    """Of the losses, and of the gradients as a share of theirs."""
    slopes = [torch.tensor([u.logp_slope, u.entropy_slope]) for u in (ours, theirs)]
    largest = slopes[1].abs().max().item()
    if largest < 1e-6:
        raise SystemExit("TRL has no gradient here, so that nothing would be compared.")
    return abs(ours.loss - theirs.loss), (slopes[0] - slopes[1]).abs().max().item() / largest


def shown(loss: float | None, gradient: float) -> str:
    return f"{'–' if loss is None else f'{loss:.0e}':>7}{gradient:9.0e}"


def table(
    title: str, rows: list[Row], found: Callable[[Case], Update], parts: list[FixedPart]
) -> int:
    """Print rows; how many are not what they are said to be."""
    columns = list(dict.fromkeys(name for row in rows for name in row.columns))
    print(f"\n{title}\n")
    wide = max(len(f"{row.said}  →  {row.here}") for row in rows)
    print(" " * wide + "".join(f"  {name:>20}" for name in columns))
    print(" " * wide + f"  {'loss':>11}{'gradient':>9}" * len(columns))
    wrong = 0
    for row in rows:
        line = f"{f'{row.said}  →  {row.here}':{wide}}"
        for name in columns:
            if name not in row.columns:
                line += f"  {'–':>20}"
                continue
            losses, gradients = [], []
            for check in row.columns[name]:
                anchored = check.case.settings["num_iterations"] > 1
                part = parts[check.case.part]
                loss, gradient = apart(update_of(part, check.ours, anchored), found(check.case))
                losses += [loss] if check.compares_loss else []
                gradients.append(gradient)
            worst = max(losses) if losses else None, max(gradients)
            wrong += row.same != (worst[1] < SAME and (worst[0] or 0.0) < SAME)
            line += f"  {shown(*worst):>20}"
        print(line)
    return wrong


def several_updates(parts: list[FixedPart]) -> list[Check]:
    """Two updates of one generation, whose token means TRL takes over the generation."""
    settings = {"gradient_accumulation_steps": 2, "steps_per_generation": 4, "num_iterations": 1}
    value = room.dapo(high=0.2)
    return [Check(Case(settings, updates=2, part=p), Ours(value)) for p in range(len(parts))]


def tell_updates(checks: list[Check], found: list[list[Update]], parts: list[FixedPart]) -> int:
    """Print by what factor TRL's updates differ from token means of their own; how many by
    another than the tokens say."""
    print("\nTwo updates of one generation, loss_type=\"dapo\"  →  schedule.minibatches=2\n")
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
            print(f"  part {check.case.part}, update {number + 1}: TRL's gradient is ours × "
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
    loss = ours.objective.loss(scores, replace(tokens, weight_BT=weight_BT))
    return torch.autograd.grad(loss, logp_BT)[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    own = HERE.parent / ".venv-trl" / "bin" / "python"
    parser.add_argument("--trl-python", type=Path, default=own, help="an interpreter with TRL")
    args = parser.parse_args()
    check_trl(args.trl_python)
    parts = [FixedPart.draw(seed) for seed in range(PARTS)]
    tables = {
        "docs/objectives.md": [with_kl(said, here) for said, here in documented()],
        "RLOO": [rloo()],
        "README.md": of_the_readme(),
        "Without a counterpart: the nearest": otherwise(),
    }
    updates = several_updates(parts)
    checks = [
        check
        for rows in tables.values()
        for row in rows
        for checks in row.columns.values()
        for check in checks
    ]
    cases = [check.case for check in (*checks, *updates)]
    answers, versions = ask(cases, parts, args.trl_python)
    print(f"{versions}; {ROWS} completions of at most {WIDTH} tokens, {len(cases)} cases")
    known = {json.dumps([repr(c)]): u[0] for c, u in zip(cases, answers, strict=True)}
    wrong = sum(
        table(title, rows, lambda case: known[json.dumps([repr(case)])], parts)
        for title, rows in tables.items()
    )
    wrong += tell_updates(updates, answers[-len(updates) :], parts)
    if wrong:
        sys.exit(f"\n{wrong} entries are not what they are said to be.")


if __name__ == "__main__":
    main()
