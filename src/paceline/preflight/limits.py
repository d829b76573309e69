"""What a run needs against what there is, in sentences."""

import torch

from ..errors import ConfigError
from ..run.screen import duration
from ..text import counted
from .calibrate import Rates
from .estimate import Disk, Estimate, Memory, Seconds
from .resources import Room

SHARED = 0.2
"""A share of the processors in others' use from which on it is told."""


def check_memory(memory: Memory, room: Room, model: str) -> list[str]:
    """A note where the estimate is beyond what is free now.

    Raises: ConfigError where what no setting makes smaller is beyond all that there is.
    """
    where = "on this machine" if memory.program else "on the GPU"
    if memory.fixed > room.memory_total:
        kinds, advice = "weights, gradients and moments", "take a smaller model"
        if memory.reference:
            kinds, advice = f"{kinds} and the reference", f"{advice}, or an objective without KL"
        raise ConfigError(
            f"'{model}' needs {gigabytes(memory.fixed)} of memory for {kinds} alone, and there "
            f"are {gigabytes(room.memory_total)} {where}; {advice}."
        )
    more = memory.total - memory.program
    if more <= room.memory:
        return []
    return [
        f"up to {gigabytes(more)} of memory may be needed, and {gigabytes(room.memory)} are free "
        f"{where}; end other programs, or set tokens_per_forward or rows_at_once lower."
    ]


def check_disk(disk: Disk, room: Room) -> None:
    """Raises: ConfigError where the run would fill the disk."""
    if disk.total > room.disk:
        raise ConfigError(
            f"The run may write {gigabytes(disk.total)} ({_of_disk(disk)}), and "
            f"{gigabytes(room.disk)} are free in '{room.place}'; make room, choose another "
            "directory with --out, or keep fewer checkpoints with save_keep."
        )


def check_others(rates: Rates | None, device: torch.device) -> list[str]:
    """A note where processors were shared while time was measured on them."""
    if rates is None or device.type != "cpu" or rates.others < SHARED:
        return []
    return [
        f"other programs used {100 * rates.others:.0f} % of the processors while time was "
        "measured; without them the run goes faster."
    ]


def estimate_lines(estimate: Estimate) -> list[str]:
    """Memory, disk and time, a line each."""
    memory, disk, room = estimate.memory, estimate.disk, estimate.room
    lines = [
        f"memory     up to {gigabytes(memory.total)} ({_of_memory(memory)}); "
        f"{gigabytes(room.memory)} are free",
        f"disk       up to {gigabytes(disk.total)} ({_of_disk(disk)}); "
        f"{gigabytes(room.disk)} are free",
    ]
    if estimate.seconds is None:
        return [*lines, "time       not known for this model"]
    return [*lines, f"time       {_of_time(estimate.seconds)}"]


def _of_memory(memory: Memory) -> str:
    parts = (
        ("weights and optimizer", memory.fixed),
        ("update", memory.activations + memory.head),
        ("sampling", memory.decoding),
        ("libraries and gaps", memory.program + memory.gaps),
    )
    return ", ".join(f"{name} {gigabytes(size)}" for name, size in parts if size)


def _of_disk(disk: Disk) -> str:
    count = disk.checkpoints // disk.checkpoint
    return (
        f"{counted(count, 'checkpoint')} of {gigabytes(disk.checkpoint)}, model "
        f"{gigabytes(disk.model)}, rollouts {gigabytes(disk.rollouts)}"
    )


def _of_time(seconds: Seconds) -> str:
    parts = (
        ("sampling", seconds.sampling),
        ("update", seconds.update),
        ("scoring", seconds.scoring),
        ("evaluation", seconds.evaluation),
        ("checkpoints", seconds.checkpoints),
    )
    told = ", ".join(f"{name} {duration(part)}" for name, part in parts if part >= 0.5)
    step = f"{seconds.step:.1f} s" if seconds.step < 10 else duration(seconds.step)
    whole = f"up to {duration(seconds.total)}{f' ({told})' if told else ''}"
    return f"{whole}, {step} a step; less where answers end early"


def gigabytes(size: int) -> str:
    """Example: 1.6 GB, 35 MB."""
    if size < 1e8:
        return f"{size / 1e6:.1f} MB" if size < 1e6 else f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB" if size < 1e11 else f"{size / 1e9:.0f} GB"
