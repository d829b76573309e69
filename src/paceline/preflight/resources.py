"""The memory and disk that are available."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

CGROUP_FOLDER = Path("/sys/fs/cgroup")
"""Folder in which Linux keeps the limits of containers and services."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Bytes that are available to a run."""

    memory: int
    """Bytes of memory free now: the GPU's if the run uses one."""
    memory_total: int
    """Bytes of memory of the machine, or of the container that the process is in."""
    disk: int
    """Bytes free now where the run's directory is or will be, plus the bytes that it holds
    already."""
    place: str
    """The folder whose disk was looked at."""
    host: int
    """Bytes of memory free now outside the GPU."""

    @classmethod
    def of(cls, device: torch.device, directory: Path) -> "Resources":
        host, _ = _of_machine()
        memory, total = memory_of(device)
        place = next(p for p in (directory, *directory.absolute().parents) if p.exists())
        had = sum(f.stat().st_size for f in directory.rglob("*") if f.is_file())
        return cls(memory, total, shutil.disk_usage(place).free + had, str(place), host)


def memory_of(device: torch.device) -> tuple[int, int]:
    """Bytes of a device's memory: (free now, all)."""
    return torch.cuda.mem_get_info(device) if device.type == "cuda" else _of_machine()


def _of_machine() -> tuple[int, int]:
    """(available, total)"""
    memory = psutil.virtual_memory()
    free, total = memory.available, memory.total
    for limit, used in _limits(CGROUP_FOLDER):
        free, total = min(free, limit - used), min(total, limit)
    return max(0, free), total


def _limits(root: Path, mine: Path = Path("/proc/self/cgroup")) -> Iterator[tuple[int, int]]:
    """(limit, used) of each control group that the process is in and that has a limit; of version
    2, which all current systems have. The file cache does not count as used: it gives way."""
    if not mine.is_file():
        return
    names = [line.split("::", 1)[1] for line in mine.read_text().splitlines() if "::" in line]
    for name in names:
        group = root / name.strip("/")
        for folder in (group, *group.parents):
            if folder == root.parent:
                break
            limit = folder / "memory.max"
            if not limit.is_file() or not (text := limit.read_text().strip()).isdigit():
                continue
            stat = dict(row.split() for row in (folder / "memory.stat").read_text().splitlines())
            used = int((folder / "memory.current").read_text()) - int(stat["inactive_file"])
            yield int(text), used
