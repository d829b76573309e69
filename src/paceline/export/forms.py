"""The forms of an export, and how each is written."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from ..errors import ConfigError
from ..model import load_policy
from ..model.files import telling_of_the_disk
from ..preflight.load import Loaded
from ..store.run import Run
from ..types import Message
from . import conversion
from .conversion import GgufType
from .modelfile import Modelfile, learned
from .readers import READERS, Reader

To = Literal["folder", "adapter", "gguf", "ollama"]
"""Forms of an export."""
TORCH_DTYPES: Mapping[GgufType, torch.dtype] = {
    "bf16": torch.bfloat16,
    "f16": torch.float16,
    "f32": torch.float32,
}
"""Forms of numbers that torch has too, by llama.cpp's names, which export's are."""


@dataclass(frozen=True, slots=True)
class Job:
    """An export that was found sound, before anything is written."""

    run: Run
    to: To
    out: Path
    """Where it goes."""
    dtype: GgufType
    """The form of its numbers."""
    own: GgufType
    """The form of the numbers of the run's model."""
    loaded: Loaded
    """The run's model as it is used, and its task."""
    conversations: Sequence[Sequence[Message]] = field(repr=False)
    """Held-out problems as the task asks them."""
    stop_ids: tuple[int, ...]
    """Tokens that end an answer."""

    @property
    def readers(self) -> Sequence[Reader]:
        """Programs that read this form."""
        return READERS[FORMS[self.to].read_as]

    @property
    def on_cpu(self) -> bool:
        return self.loaded.device.type == "cpu"

    @property
    def compute(self) -> torch.dtype:
        """The dtype in which the export is computed with, by us and by its readers. Processors have
        no kernels for fp16 worth the name; it is exact in fp32."""
        dtype = TORCH_DTYPES.get(self.dtype, TORCH_DTYPES[self.own])
        return torch.float32 if self.on_cpu and dtype == torch.float16 else dtype


@dataclass(frozen=True, slots=True)
class Form:
    """A form of an export."""

    dtypes: tuple[str, ...]
    """Forms of numbers that it may have."""
    suffix: str
    """End of its name."""
    read_as: str
    """The form that its readers are listed under."""
    check: Callable[[Job], None]
    """Raises ConfigError for a run that cannot be written so."""
    write: Callable[[Job, Path], Path]
    """Writes it to a path that is free; returns the folder or file that readers are given."""


def _check_nothing(job: Job) -> None:
    """A folder can always be written."""


def _write_folder(job: Job, to: Path) -> Path:
    with telling_of_the_disk():
        if job.dtype == job.own:
            _copy(job.run.model, to)
            return to
    dtype, tokenizer = TORCH_DTYPES[job.dtype], job.loaded.tokenizer
    load_policy(job.loaded.source, tokenizer, dtype=dtype, train=False).save(to)
    return to


def _copy(folder: Path, to: Path) -> None:
    """Copy a folder. Unlike shutil's copytree it stops at the first error, which has its number and
    names the file that could not be written."""
    for path in (folder, *sorted(folder.rglob("*"))):
        target = to / path.relative_to(folder)
        if path.is_dir():
            target.mkdir()
        else:
            try:
                shutil.copyfile(path, target)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(target)) from error


def _check_adapter(job: Job) -> None:
    if not job.run.adapter.is_dir():
        raise ConfigError(
            f"The run '{job.run.path}' trained all weights, so it has no adapter; use --to folder."
        )


def _write_adapter(job: Job, to: Path) -> Path:
    with telling_of_the_disk():
        _copy(job.run.adapter, to)
        job.loaded.tokenizer.save_pretrained(to)  # with the template that it was trained under
    return to


def _check_gguf(job: Job) -> None:
    conversion.converter()


def _write_gguf(job: Job, to: Path) -> Path:
    conversion.convert(job.run.model, to, job.dtype)
    return to


def _check_ollama(job: Job) -> None:
    learned(job.loaded.tokenizer, job.conversations)
    conversion.converter()


def _write_ollama(job: Job, to: Path) -> Path:
    to.mkdir()
    file = to / f"model-{job.dtype}.gguf"
    conversion.convert(job.run.model, file, job.dtype)
    tokenizer, sampling = job.loaded.tokenizer, job.loaded.config.rollouts
    made = Modelfile(
        file.name,
        learned(tokenizer, job.conversations),
        tuple(tokenizer.decode([token]) for token in job.stop_ids),
        # The distribution that was trained; Ollama's own defaults cut and punish.
        {"temperature": sampling.temperature, "top_k": 0, "top_p": 1, "repeat_penalty": 1},
    )
    with telling_of_the_disk():
        (to / "Modelfile").write_text(made.text, encoding="utf-8")
    return file


FORMS: Mapping[To, Form] = {
    "folder": Form(("bf16", "f16", "f32"), "", "folder", _check_nothing, _write_folder),
    "adapter": Form((), "-adapter", "adapter", _check_adapter, _write_adapter),
    "gguf": Form(("bf16", "f16", "f32", "q8_0"), ".gguf", "gguf", _check_gguf, _write_gguf),
    "ollama": Form(("bf16", "f16", "f32", "q8_0"), "-ollama", "gguf", _check_ollama, _write_ollama),
}
"""The forms by name."""
