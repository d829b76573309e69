"""Sentences that compare the needs of a run with the memory and disk that there is."""

import torch

from ..errors import ConfigError
from ..text import counted, data_size, percent
from .calibrate import Throughput
from .estimate import Disk, Memory
from .resources import Resources

BUSY_SHARE = 0.2
"""A share of the processors used by other programs from which on a note tells of it."""


def check_memory(
    memory: Memory, room: Resources, model: str, *, adapted: bool = False
) -> list[str]:
    """A note if the estimate exceeds the memory that is free now.

    Args:
        adapted: True if adapters are trained.

    Raises: ConfigError if the part that no setting makes smaller exceeds all memory, or what is
        offloaded exceeds what is free of the machine's.
    """
    where = "on this machine" if memory.program else "on the GPU"
    if memory.fixed > room.memory_total:
        kinds, advice = "weights, gradients and moments", "take a smaller model"
        if not adapted:
            advice = f"{advice}, or train adapters (lora.rank=16)"
        if memory.reference:
            kinds, advice = f"{kinds} and the reference", f"{advice}, or a smaller reference"
        if memory.critic:
            kinds = f"{kinds} and the critic"
            advice = f"{advice}, or critic.body=shared"
        raise ConfigError(
            f"'{model}' needs {data_size(memory.fixed)} of memory for {kinds} alone, and there "
            f"are {data_size(room.memory_total)} {where}; {advice}."
        )
    if memory.host > room.host:
        raise ConfigError(
            f"'{model}' needs {data_size(memory.host)} of the machine's memory for what "
            f"optimizer.offload keeps there, and {data_size(room.host)} are free; end other "
            "programs, take a smaller model, or train adapters (lora.rank=16)."
        )
    more = memory.total - memory.program
    if more <= room.memory:
        return []
    return [
        f"up to {data_size(more)} of memory may be needed, and {data_size(room.memory)} are free "
        f"{where}; end other programs, or set tokens_per_forward or rows_at_once lower."
    ]


def check_disk(disk: Disk, room: Resources) -> None:
    """Check that the run will not fill the disk. Raises: ConfigError if it would."""
    if disk.total > room.disk:
        raise ConfigError(
            f"The run may write {data_size(disk.total)} ({disk_in_words(disk)}), and "
            f"{data_size(room.disk)} are free in '{room.place}'; make room, choose another "
            "directory with --out, or keep fewer checkpoints with save_keep."
        )


def check_others(rates: Throughput | None, device: torch.device) -> list[str]:
    """A note if other programs used the processors while time was measured on them."""
    if rates is None or device.type != "cpu" or rates.others < BUSY_SHARE:
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
