"""The files that trackers leave when nobody is reached, read with their own records."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK, HEAD = 32768, 7


def log_records(path: Path) -> Iterator[bytes]:
    """The records of a file in LevelDB's log format, which wandb and swanlab write."""
    data, at, record = path.read_bytes(), HEAD, b""
    while at + HEAD <= len(data):
        if (left := BLOCK - at % BLOCK) < HEAD:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + HEAD])
        at += HEAD
        record, at = record + data[at : at + size], at + size
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


def wandb_records(place: Path) -> list[Any]:
    """The records of all sessions of a run that was kept offline."""
    from wandb.proto.wandb_internal_pb2 import Record

    files = sorted(place.glob("wandb/offline-run-*/run-*.wandb"))
    return [Record.FromString(data) for path in files for data in log_records(path)]


def swanlab_records(place: Path) -> list[Any]:
    from swanlab.proto.swanlab.record.v1.record_pb2 import Record

    files = sorted(place.glob("run-*/run-*.swanlab"))
    return [Record.FromString(data) for path in files for data in log_records(path)]


def event_files(place: Path) -> Iterator[Any]:
    """The events of TensorBoard's files, in order."""
    from tensorboardX.proto.event_pb2 import Event

    for path in sorted(place.glob("events.*")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (size,) = struct.unpack("<Q", data[at : at + 8])
            yield Event.FromString(data[at + 12 : at + 12 + size])
            at += 16 + size  # a length, its checksum, the event, its checksum
