"""TRL's side of `against_trl_line.py`: one training step of its own trainers on given rows.

    python benchmarks/trl_line_side.py asked.json found.json   # in an interpreter that has TRL

Nothing is overridden: tokens, padding, masks, the model's forward pass, the loss and its
accumulation are TRL's and transformers'. Gradients are read before the optimizer takes them.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
import trl  # pyright: ignore[reportMissingImports]
from datasets import Dataset
from line_rows import CONVERSATION, MICRO, ROWS, Case, columns
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PrinterCallback,
    TrainerCallback,
)
from trl import (  # pyright: ignore[reportMissingImports]
    DPOConfig,
    DPOTrainer,
    RewardConfig,
    RewardTrainer,
    SFTConfig,
    SFTTrainer,
)
from trl.experimental.cpo import CPOConfig, CPOTrainer  # pyright: ignore[reportMissingImports]
from trl.experimental.orpo import ORPOConfig, ORPOTrainer  # pyright: ignore[reportMissingImports]

TRAINERS = {
    "SFTTrainer": (SFTConfig, SFTTrainer),
    "DPOTrainer": (DPOConfig, DPOTrainer),
    "CPOTrainer": (CPOConfig, CPOTrainer),
    "ORPOTrainer": (ORPOConfig, ORPOTrainer),
    "RewardTrainer": (RewardConfig, RewardTrainer),
}


class Take(TrainerCallback):
    """Takes the update's gradient before the optimizer does."""

    def __init__(self) -> None:
        self.gradient: dict[str, Tensor] = {}

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any = None, **_: Any
    ) -> None:
        self.gradient = {
            name: torch.zeros_like(p) if p.grad is None else p.grad.detach().clone()
            for name, p in model.named_parameters()
        }


def update_of(case: Case, folders: dict[str, str]) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradient of all rows."""
    config, made = TRAINERS[case.trainer]
    if case.trainer == "RewardTrainer":
        model = AutoModelForSequenceClassification.from_pretrained(folders["reward"])
    else:
        model = AutoModelForCausalLM.from_pretrained(folders["policy"])
    beside: dict[str, Any] = {}
    if case.trainer == "DPOTrainer":
        beside["ref_model"] = AutoModelForCausalLM.from_pretrained(folders["reference"])
    take, losses = Take(), []

    class Summing(made):
        """The trainer, which tells the loss of each micro-batch, a share of the update's."""

        def training_step(self, *args: Any, **named: Any) -> Tensor:
            loss = super().training_step(*args, **named)
            losses.append(loss.item())
            return loss

    with tempfile.TemporaryDirectory() as folder:
        trainer = Summing(
            model=model,
            args=config(
                output_dir=folder, use_cpu=True, bf16=False, gradient_checkpointing=False,
                max_steps=1, per_device_train_batch_size=MICRO,
                gradient_accumulation_steps=len(ROWS) // MICRO, max_grad_norm=0.0,
                logging_strategy="no", save_strategy="no", report_to="none", disable_tqdm=True,
                dataloader_pin_memory=False, **case.settings,
            ),
            train_dataset=Dataset.from_dict(columns(case)),
            processing_class=AutoTokenizer.from_pretrained(folders["policy"]),
            callbacks=[take],
            **beside,
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return sum(losses), take.gradient


def trained_of(folders: dict[str, str]) -> dict[str, str]:
    """By trainer, the text that trains of a conversation."""
    prompt, answer = CONVERSATION
    tokenizer = AutoTokenizer.from_pretrained(folders["policy"])

    def first(trainer: str, row: dict[str, Any]) -> dict[str, list[int]]:
        """The row, as the trainer has prepared it."""
        config, made = TRAINERS[trainer]
        with tempfile.TemporaryDirectory() as folder:
            return made(
                model=AutoModelForCausalLM.from_pretrained(folders["policy"]),
                args=config(output_dir=folder, use_cpu=True, bf16=False, report_to="none"),
                train_dataset=Dataset.from_dict({name: [turns] for name, turns in row.items()}),
                processing_class=tokenizer,
            ).train_dataset[0]

    shown = first("SFTTrainer", {"prompt": prompt, "completion": answer})
    other = [{"role": "assistant", "content": "5"}]
    pair = first("DPOTrainer", {"prompt": prompt, "chosen": answer, "rejected": other})
    labelled = zip(shown["input_ids"], shown["labels"], strict=True)
    trained = {"SFTTrainer": [i for i, label in labelled if label >= 0]}
    trained["DPOTrainer"] = pair["chosen_ids"]
    return {trainer: tokenizer.decode(ids) for trainer, ids in trained.items()}


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found, losses = Path(sys.argv[2]), []
    for i, case in enumerate(Case(**case) for case in asked["cases"]):
        loss, gradient = update_of(case, asked["folders"])
        losses.append(loss)
        save_file(gradient, found.with_name(f"{i}.safetensors"))
    versions = {m.__name__: m.__version__ for m in (trl, transformers, torch)}
    answer = {"losses": losses, "trained": trained_of(asked["folders"]), "versions": versions}
    found.write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
