"""The record of a run's exports: export.json, a list with one entry for each form that was written.

An entry is there only once somebody else's code has read what was written and answered as the run's
own model does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ..text import wall_clock
from .base import Record, RecordError, of_file
from .run import Run

EXPORTS_FILE = "export.json"
"""Name of the file in the run's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Record):
    """The answers of another program that has read an export by itself, counted.

    Example: Reading(by="llama.cpp", version="xllamacpp 2026.10", prompts=8, same_prompts=8,
        equal=7, near_ties=1)
    """

    noun: ClassVar[str] = "reading"

    by: str
    """The program that read it."""
    version: str = ""
    """Its version."""
    prompts: int
    """Number of held-out problems that were asked."""
    same_prompts: int
    """Number of them that it rendered to the very tokens that the model was trained on."""
    equal: int
    """Number of greedy answers with the same tokens as the run's own model."""
    near_ties: int = 0
    """Number of answers that part where the two likeliest tokens are about as likely, and rounding
    decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported(Record):
    """One form of a run's model that was written and read back.

    Example: Exported(to="gguf", path="export/demo-bf16.gguf", dtype="bf16", verified=(
        Reading(by="llama.cpp", prompts=8, same_prompts=8, equal=8),))
    """

    noun: ClassVar[str] = "export"

    to: str
    """The form: folder, adapter, gguf or ollama."""
    path: str
    """Where it is: in the run's folder relative to that, elsewhere from the root."""
    dtype: str
    """The form of its numbers, such as bf16 or q8_0."""
    verified: tuple[Reading, ...]
    """The answers of other programs."""
    not_read: Mapping[str, str] = field(default_factory=dict)
    """Program that could read such a form, and did not -> why."""
    time: str = field(default_factory=wall_clock)
    """When, in ISO 8601 with the zone."""


def exports_of(run: Run) -> list[Exported]:
    """All exports of a run, oldest first. Raises: RecordError for a file that holds something
    else."""
    path = run.path / EXPORTS_FILE
    if not path.is_file():
        return []
    with of_file(path):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RecordError(f"It is not valid JSON ({error}).") from error
        if not isinstance(found, list):
            raise RecordError(f"A record of exports is a list, not {found!r:.60}.")
        return [Exported.from_json(one) for one in found]


def remember(run: Run, exported: Exported) -> None:
    """Add an export to the run's record, in the place of an earlier one of the same path."""
    others = [one for one in exports_of(run) if one.path != exported.path]
    run.write_json(EXPORTS_FILE, [one.to_json() for one in (*others, exported)])


def path_of(run: Run, place: Path) -> str:
    """The place of an export as its record has it, so that a run can be moved with its exports."""
    folder, place = run.path.absolute(), place.absolute()
    return str(place.relative_to(folder) if place.is_relative_to(folder) else place)


def place_of(run: Run, exported: Exported) -> Path:
    """The file or folder of an export."""
    return run.path / exported.path
