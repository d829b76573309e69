"""What `against_trl_loss.py` compares: the rows of the tables for those who come from TRL, as cases
for TRL and as objectives here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from common import HERE
from fixed_part import ROWS, Case

from paceline import objective as room
from paceline.objective import KL, Objective

BETA, ENTROPY = 0.07, 0.03
PARTS = 2
"""How often the numbers are drawn: every case is tried on each of them."""
DOCS = HERE.parent / "docs"
MIGRATING = (DOCS / "migrating.md").read_text(encoding="utf-8")
OBJECTIVES = (DOCS / "objectives" / "README.md").read_text(encoding="utf-8")


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


def cells_of(title: str) -> Iterator[list[str]]:
    """The cells of each row of TRL's table in a section of docs/migrating.md."""
    section = MIGRATING.partition(f"\n## {title}\n")[2]
    table = re.search(r"^\| TRL [^\n]*\n\|[-|]+\n((?:\|.*\n)+)", section, re.M)
    assert table is not None, f"docs/migrating.md has no table for TRL under '{title}'"
    for line in table[1].splitlines():
        yield [cell.strip("` ") for cell in line.strip("|").split(" | ")]


def settings_of(said: str) -> dict[str, Any]:
    return {} if said == "the defaults" else eval(f"dict({said})")


def value_of(here: str) -> Objective:
    return eval(here, dict(vars(room)))


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


def of_the_keys() -> list[Row]:
    """Rows of the table of keys in docs/migrating.md, beside the objective's own switches."""
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
    """RLOOTrainer, and the objective that docs/objectives/README.md writes for it."""
    (code,) = re.findall(r"^```python\n(# mine\.py\n.*?)^```$", OBJECTIVES, re.M | re.S)
    found: dict[str, Any] = {"__name__": "mine"}
    exec(code, found)
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


def several_updates() -> list[Check]:
    """Two updates of one generation, whose token means TRL takes over the generation."""
    settings = {"gradient_accumulation_steps": 2, "steps_per_generation": 4, "num_iterations": 1}
    value = room.dapo(high=0.2)
    return [Check(Case(settings, updates=2, part=p), Ours(value)) for p in range(PARTS)]
