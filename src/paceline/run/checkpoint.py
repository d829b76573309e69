"""Plain checkpoints: weights, moments, a following reference and counters, written aside and
renamed.

safetensors and JSON only: nothing that is loaded can run code.
"""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..errors import CheckpointError
from ..training import Trainer

Tensors = dict[str, torch.Tensor]


def save_checkpoint(folder: Path, trainer: Trainer) -> Path:
    """Write `folder`/step-NNNNNN and return it."""
    target = folder / f"step-{trainer.steps:06d}"
    aside = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    aside.mkdir(parents=True)
    save_file(_detached(dict(trainer.policy.exact_parameters())), aside / "policy.safetensors")
    save_file(_moments(trainer), aside / "optimizer.safetensors")
    if _follows(trainer):
        assert trainer.reference is not None
        save_file(_detached(trainer.reference.exact_parameters()), aside / "reference.safetensors")
    state = {
        "step": trainer.steps,
        "round": trainer.rounds,
        "part": trainer.part,
        "draw": trainer.sampler.draw,
        "version": trainer.policy.version,
    }
    (aside / "state.json").write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    os.replace(aside, target)
    return target


def load_checkpoint(folder: Path, trainer: Trainer) -> None:
    """Copy a checkpoint that was saved at the end of a round into a freshly made trainer.

    Raises: CheckpointError where a file is missing or broken, or the round was not over.
    """
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "policy.safetensors")
        moments = load_file(folder / "optimizer.safetensors")
        reference = load_file(folder / "reference.safetensors") if _follows(trainer) else None
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"The checkpoint '{folder}' is not whole: {error}.") from error
    if state["part"] != trainer.schedule.parts:
        raise CheckpointError(f"The checkpoint '{folder}' was saved in the middle of a round.")
    trainer.policy.restore(weights)
    for i, master in enumerate(_masters(trainer)):
        trainer.optimizer.adamw.state[master] = {
            key: moments[f"{i}.{key}"].to(master.device)
            for key in ("step", "exp_avg", "exp_avg_sq")
        }
    if trainer.reference is not None and reference is not None:
        trainer.reference.restore(reference)
    trainer.steps, trainer.rounds, trainer.part = state["step"], state["round"], state["part"]
    trainer.sampler.draw, trainer.policy.version = state["draw"], state["version"]


def _follows(trainer: Trainer) -> bool:
    """Whether the reference changes, so that a checkpoint must hold it; a fixed one is the
    start."""
    return trainer.reference is not None and trainer.reference.every > 0


def _masters(trainer: Trainer) -> list[torch.Tensor]:
    """What the optimizer steps on, in its own order."""
    return [m for group in trainer.optimizer.adamw.param_groups for m in group["params"]]


def _moments(trainer: Trainer) -> Tensors:
    state = trainer.optimizer.adamw.state
    return {
        f"{i}.{key}": value.contiguous()
        for i, master in enumerate(_masters(trainer))
        for key, value in state[master].items()
    }


def _detached(tensors: Tensors) -> Tensors:
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
