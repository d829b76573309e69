"""What a run needs against what there is, in sentences."""

import torch

from ..errors import ConfigError
from ..text import counted, data_size, percent
from .calibrate import Rates
from .estimate import Disk, Memory
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
            f"The run may write {data_size(disk.total)} ({disk_in_words(disk)}), and "
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


def disk_in_words(disk: Disk) -> str:
    """The parts of what a run writes, in words."""
    count = disk.checkpoints // disk.checkpoint
    return (
        f"{counted(count, 'checkpoint')} of {data_size(disk.checkpoint)}, model "
        f"{data_size(disk.model)}, rollouts {data_size(disk.rollouts)}"
    )
