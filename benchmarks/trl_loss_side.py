"""TRL's side of `against_trl_loss.py`: its own trainers' losses of given numbers.

    python benchmarks/trl_loss_side.py asked.json found.json   # in an interpreter that has TRL

Everything between the log-probabilities and the gradient is TRL's and transformers': rewards,
advantages, the loss, its normalisation, accumulation. Two methods are overridden, what generates
and what scores: they hand over the numbers of the part instead of a model's.
"""

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers
import trl  # pyright: ignore[reportMissingImports]
from datasets import Dataset
from fixed_part import ROWS, Case, FixedPart, Update
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from trl import (  # pyright: ignore[reportMissingImports]
    GRPOConfig,
    GRPOTrainer,
    RLOOConfig,
    RLOOTrainer,
)

OTHER_ID = 5
"""A token that is no stop token; what stands in a completion does not matter here."""


class Numbers:
    """Mixed into a trainer: generates and scores by looking into the part."""

    part: FixedPart
    logp_BT: Tensor
    entropy_BT: Tensor
    losses: list[float]
    rows: list[int]

    def hand_over(self, part: FixedPart) -> None:
        self.part, self.losses, self.rows = part, [], []
        self.logp_BT = torch.tensor(part.logp, dtype=torch.float64, requires_grad=True)
        self.entropy_BT = torch.tensor(part.entropy, dtype=torch.float64, requires_grad=True)

    def tokens(self) -> tuple[list[list[int]], list[list[int]], list[list[bool]]]:
        """(prompts, completions, what was sampled). A prompt is one token, its row's number."""
        part, stop = self.part, self.eos_token_ids[0]  # type: ignore[attr-defined]
        ends = [OTHER_ID if cut else stop for cut in part.cut]
        completions = [
            [*[OTHER_ID] * (length - 1), end]
            for length, end in zip(part.lengths, ends, strict=True)
        ]
        sampled = [row[:n] for row, n in zip(part.sampled, part.lengths, strict=True)]
        return [[row] for row in range(ROWS)], completions, sampled

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Any, logits_to_keep: int, *_: Any,
        **__: Any,
    ) -> tuple[Tensor, Tensor, None]:  # fmt: skip
        rows = input_ids[:, 0]
        if model is self.ref_model:  # type: ignore[attr-defined]
            logp_BT = torch.tensor(self.part.ref, dtype=torch.float64)
        elif torch.is_grad_enabled():
            logp_BT = self.logp_BT
            self.rows += rows.tolist()
        else:
            logp_BT = torch.tensor(self.part.anchor, dtype=torch.float64)
        return logp_BT[rows, :logits_to_keep], self.entropy_BT[rows, :logits_to_keep], None

    def training_step(self, *args: Any, **named: Any) -> Tensor:
        loss = super().training_step(*args, **named)  # type: ignore[misc]
        self.losses.append(loss.item())
        return loss


class GrpoOnNumbers(Numbers, GRPOTrainer):
    def _generate(self, prompts: list) -> Any:
        ids, completions, sampled = self.tokens()
        tool_mask = [[int(s) for s in row] for row in sampled]
        return ids, completions, tool_mask, [""] * ROWS, None, {}, None, None


class RlooOnNumbers(Numbers, RLOOTrainer):
    def _generate(self, prompts: list) -> Any:
        ids, completions, _ = self.tokens()
        return ids, completions, [""] * ROWS


class Take(TrainerCallback):
    """Takes each update's gradient before the optimizer does."""

    def __init__(self, trainer: Any) -> None:
        self.trainer, self.updates = trainer, []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        on = self.trainer
        logp_BT, entropy_BT = taken(on.logp_BT), taken(on.entropy_BT)
        # Each micro-batch's loss is a share of the update's.
        self.updates.append(Update(sum(on.losses), logp_BT.tolist(), entropy_BT.tolist(), on.rows))
        on.losses, on.rows = [], []


def taken(leaf_BT: Tensor) -> Tensor:
    """The gradient that was summed; the next one begins at 0."""
    slope_BT = torch.zeros_like(leaf_BT) if leaf_BT.grad is None else leaf_BT.grad
    leaf_BT.grad = None
    return slope_BT


def updates_of(case: Case, part: FixedPart, model: str, folder: str) -> list[Update]:
    """What the trainer of a case makes of the part."""
    config, made_of = {"grpo": (GRPOConfig, GrpoOnNumbers), "rloo": (RLOOConfig, RlooOnNumbers)}[
        case.trainer
    ]
    settings: dict[str, Any] = {
        "num_generations": 4, "per_device_train_batch_size": 5, "gradient_accumulation_steps": 4,
        **case.settings,
    }  # fmt: skip
    arguments = config(
        output_dir=folder, use_cpu=True, bf16=False, gradient_checkpointing=False,
        shuffle_dataset=False, max_steps=case.updates, max_grad_norm=0.0, logging_strategy="no",
        save_strategy="no", report_to="none", disable_tqdm=True, dataloader_pin_memory=False,
        **settings,
    )  # fmt: skip
    several = "reward_weights" in settings

    def first(completions: list, **_: Any) -> list[float]:
        return part.rewards[0]

    def second(completions: list, **_: Any) -> list[float]:
        return part.rewards[1]

    questions = [str(i) for i in range(ROWS // settings["num_generations"])]
    trainer = made_of(
        model=AutoModelForCausalLM.from_pretrained(model),
        reward_funcs=[first, second] if several else [first],
        args=arguments,
        train_dataset=Dataset.from_dict({"prompt": questions}),
        processing_class=AutoTokenizer.from_pretrained(model, padding_side="left"),
    )
    trainer.hand_over(part)
    trainer.remove_callback(PrinterCallback)
    take = Take(trainer)
    trainer.add_callback(take)
    trainer.train()
    return take.updates


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    parts = [FixedPart.read(part) for part in asked["parts"]]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for case in (Case(**case) for case in asked["cases"]):
            updates = updates_of(case, parts[case.part], asked["model"], folder)
            found.append([asdict(update) for update in updates])
    versions = {m.__name__: m.__version__ for m in (trl, transformers, torch)}
    answer = {"updates": found, "versions": versions}
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
