"""Plain checkpoints: weights, masters, moments and counters, written aside and renamed.

safetensors and JSON only: nothing that is loaded can run code.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ..errors import CheckpointError
from ..training import Trainer


def save_checkpoint(folder: Path, trainer: Trainer) -> Path:
    """Write `folder`/step-NNNNNN and return it."""
    target = folder / f"step-{trainer.steps:06d}"
    aside = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    aside.mkdir(parents=True)
    exact = {n: p.detach().contiguous() for n, p in trainer.policy.exact_parameters().items()}
    save_file(_untied(exact), aside / "policy.safetensors")
    save_file(_moments(trainer), aside / "optimizer.safetensors")
    if trainer.reference is not None and trainer.reference.every:
        reference = trainer.reference.averages or dict(
            trainer.reference.frozen.module.named_parameters()
        )
        save_file(
            _untied({n: p.detach().contiguous() for n, p in reference.items()}),
            aside / "reference.safetensors",
        )
    (aside / "state.json").write_text(json.dumps(_state(trainer), indent=2), encoding="utf-8")
    os.replace(aside, target)
    return target


def load_checkpoint(folder: Path, trainer: Trainer) -> None:
    """Copy a checkpoint into a freshly made trainer, at the end of a round.

    Raises: CheckpointError where a file is missing or does not fit.
    """
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "policy.safetensors")
        moments = load_file(folder / "optimizer.safetensors")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"The checkpoint '{folder}' is not whole: {error}.") from error
    if state["part"] != trainer.schedule.parts:
        raise CheckpointError(f"The checkpoint '{folder}' was saved in the middle of a round.")
    with torch.no_grad():
        for name, parameter in trainer.policy.exact_parameters().items():
            if name in weights:
                parameter.copy_(weights[name])
        trainer.optimizer._write_back()
        for i, master in enumerate(_all_masters(trainer)):
            trainer.optimizer.adamw.state[master] = {
                key: moments[f"{i}.{key}"].clone() for key in ("step", "exp_avg", "exp_avg_sq")
            }
    trainer.steps, trainer.rounds, trainer.part = state["step"], state["round"], state["part"]
    trainer.sampler.draw, trainer.policy.version = state["draw"], state["version"]


def _state(trainer: Trainer) -> dict[str, Any]:
    return {
        "step": trainer.steps,
        "round": trainer.rounds,
        "part": trainer.part,
        "draw": trainer.sampler.draw,
        "version": trainer.policy.version,
    }


def _all_masters(trainer: Trainer) -> list[torch.Tensor]:
    return [m for group in trainer.optimizer.adamw.param_groups for m in group["params"]]


def _moments(trainer: Trainer) -> dict[str, torch.Tensor]:
    state = trainer.optimizer.adamw.state
    return {
        f"{i}.{key}": value.contiguous()
        for i, master in enumerate(_all_masters(trainer))
        for key, value in state[master].items()
    }


def _untied(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without second names of one storage, which safetensors refuses."""
    seen: set[int] = set()
    kept: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            kept[name] = tensor
    return kept


def remove_leftovers(folder: Path) -> None:
    """Delete what saves that were cut short left behind."""
    for leftover in folder.glob("step-*.tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)
