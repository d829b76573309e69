"""What a run needs against what there is, in sentences."""

import torch

from ..errors import ConfigError
from ..text import counted, data_size, percent, short_duration
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
            f"'{model}' needs {data_size(memory.fixed)} of memory for {kinds} alone, and there "
            f"are {data_size(room.memory_total)} {where}; {advice}."
        )
    more = memory.total - memory.program
    if more <= room.memory:
        return []
    return [
        f"up to {data_size(more)} of memory may be needed, and {data_size(room.memory)} are free "
        f"{where}; end other programs, or set tokens_per_forward or rows_at_once lower."
    ]


def check_disk(disk: Disk, room: Room) -> None:
    """Raises: ConfigError where the run would fill the disk."""
    if disk.total > room.disk:
        raise ConfigError(
            f"The run may write {data_size(disk.total)} ({_of_disk(disk)}), and "
            f"{data_size(room.disk)} are free in '{room.place}'; make room, choose another "
            "directory with --out, or keep fewer checkpoints with save_keep."
        )


def check_others(rates: Rates | None, device: torch.device) -> list[str]:
    """A note where processors were shared while time was measured on them."""
    if rates is None or device.type != "cpu" or rates.others < SHARED:
        return []
    return [
        f"other programs used {percent(rates.others)} of the processors while time was "
        "measured; without them the run goes faster."
    ]


def estimate_lines(estimate: Estimate) -> list[str]:
    """Memory, disk and time, a line each."""
    memory, disk, room = estimate.memory, estimate.disk, estimate.room
    lines = [
        f"memory     up to {data_size(memory.total)} ({_of_memory(memory)}); "
        f"{data_size(room.memory)} are free",
        f"disk       up to {data_size(disk.total)} ({_of_disk(disk)}); "
        f"{data_size(room.disk)} are free",
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
    return ", ".join(f"{name} {data_size(size)}" for name, size in parts if size)


def _of_disk(disk: Disk) -> str:
    count = disk.checkpoints // disk.checkpoint
    return (
        f"{counted(count, 'checkpoint')} of {data_size(disk.checkpoint)}, model "
        f"{data_size(disk.model)}, rollouts {data_size(disk.rollouts)}"
    )


def _of_time(seconds: Seconds) -> str:
    parts = (
        ("sampling", seconds.sampling),
        ("update", seconds.update),
        ("scoring", seconds.scoring),
        ("evaluation", seconds.evaluation),
        ("checkpoints", seconds.checkpoints),
    )
    told = ", ".join(f"{name} {short_duration(part)}" for name, part in parts if part >= 0.5)
    step = f"{seconds.step:.1f} s" if seconds.step < 10 else short_duration(seconds.step)
    whole = f"up to {short_duration(seconds.total)}{f' ({told})' if told else ''}"
    return f"{whole}, {step} a step; less where answers end early"
