"""`paceline export`: a run's model in a form that others use, proved by others' own code.

What is asked for is written aside, read back by every program at hand that reads such a form, and
takes its name only when their greedy answers are those of the run's own model.
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from ..errors import DISK_FULL, ConfigError
from ..model import load_policy, resolve
from ..model.load import loadable_name
from ..model.template import stop_token_ids
from ..preflight.load import evaluation_sampling, load
from ..run import build
from ..run.entry import entry
from ..run.inference import config_of_model
from ..store.exports import Exported, Reading, path_of, remember
from ..store.run import Run
from ..text import counted
from .conversion import GgufType
from .forms import FORMS, TORCH_DTYPES, Job, To
from .probes import Probe, probes_of
from .proof import compare
from .readers import Reader
from .readers.call import ReaderError, call
from .readers.protocol import Asked

Told = Callable[[str], None]
"""A callback for progress, in words."""
PROMPTS = 8
"""Held-out problems that each reader is asked, where nobody says how many."""
OWN = "auto"
"""The word for the numbers of the run's own model."""


COARSE = (
    " Eight bits may be too coarse for what was learned: a step of theirs is 0.8 % of the largest "
    "weight beside it; export with --dtype bf16."
)
"""Advice where an export of eight bits answers otherwise. Weights that came from eight bits stand
on their steps, and a short training moves most by less than half of one: they round back."""


@entry
def export(
    path: Path | str,
    to: To = "folder",
    out: Path | str | None = None,
    *,
    dtype: str = OWN,
    prompts: int = PROMPTS,
    replace_old: bool = False,
    told: Told = lambda said: None,
) -> Exported:
    """Write a run's model in a form that others use, and let others' code prove it.

    Args:
        path: the run's directory.
        to: "folder" for a Hugging Face folder, "adapter" for PEFT, "gguf" for llama.cpp, "ollama"
            for a folder with a GGUF file and a Modelfile.
        out: where it goes; None for a name in RUN/export.
        dtype: the form of the numbers: bf16, f16 or f32, for GGUF also q8_0; "auto" keeps that of
            the run's model.
        prompts: number of held-out problems that every reader is asked.
        replace_old: True takes the place of what stands there, once the new export is proved.
        told: called with the work that begins, in words.

    Returns: what was written, and how it was read back; export.json in the run keeps it.

    Raises: ConfigError for a run that has no such form, and for an export that answers otherwise
        than the run's model; DataError; OSError for a full disk. Nothing is left under the final
        name then.
    """
    job = job_of(Run.open(path), to, out, dtype, prompts, replace_old=replace_old)
    readers = _readers_at_hand(job)
    told("asking the run's own model")
    probes = _probes(job)
    aside = job.out.parent / f".export-{os.getpid()}.tmp"
    try:
        _make(aside)
        told(f"writing {job.out.name}")
        written = aside / job.out.name
        asked = _asked(job, FORMS[to].write(job, written), probes, aside)
        readings, not_read = _read_back(job, asked, probes, readers, told)
        _remove(job.out)
        os.replace(written, job.out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    exported = Exported(
        to=to,
        path=path_of(job.run, job.out),
        dtype=job.dtype,
        verified=tuple(readings),
        not_read=not_read,
    )
    remember(job.run, exported)
    return exported


def job_of(
    run: Run, to: To, out: Path | str | None, dtype: str, prompts: int, *, replace_old: bool = False
) -> Job:
    """The export as it will be made.

    Raises: ConfigError for what is missing or does not fit, before any long work.
    """
    if to not in FORMS:
        raise ConfigError(f"There is no form '{to}'; export to {', '.join(FORMS)}.")
    if prompts < 1:
        raise ConfigError(
            f"prompts is {prompts}; at least one answer has to prove what is exported."
        )
    form = FORMS[to]
    config = config_of_model(run)
    own = _own_dtype(run)
    chosen = own if dtype == OWN else cast(GgufType, dtype)
    if dtype != OWN and dtype not in form.dtypes:
        takes = f"takes {', '.join(form.dtypes)}" if form.dtypes else "is as it was trained"
        raise ConfigError(
            f"dtype is {dtype}, but the form {to} {takes}; leave it out, or change it."
        )
    target = Path(out) if out is not None else run.path / "export" / _name(run, form.suffix, chosen)
    if target.exists() and not replace_old:
        raise ConfigError(f"'{target}' is there already; remove it, or name another with --out.")
    loaded = load(config, reward=False)
    problems = (loaded.task.heldout or loaded.task.train)[:prompts]
    job = Job(
        run, to, target, chosen, own, loaded,
        [[dict(turn) for turn in loaded.task.messages(problem)] for problem in problems],
        _stop_ids(run, loaded.tokenizer),
    )  # fmt: skip
    form.check(job)
    return job


def _remove(old: Path) -> None:
    """Remove the export that a new one takes the place of, if there is one."""
    if old.is_dir():
        shutil.rmtree(old)
    else:
        old.unlink(missing_ok=True)


def _make(folder: Path) -> None:
    """Make a folder and those around it. Raises: ConfigError where none can be made; OSError for a
    full disk."""
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        raise ConfigError(
            f"Nothing can be written in '{folder.parent}' ({error.strerror}); name another place "
            "with --out."
        ) from None


def _name(run: Run, suffix: str, dtype: str) -> str:
    name = run.path.resolve().name
    return f"{name}-{dtype}{suffix}" if suffix == ".gguf" else f"{name}{suffix}"


def _own_dtype(run: Run) -> GgufType:
    """The form of the numbers of the run's model."""
    config = json.loads((run.model / "config.json").read_bytes())
    written = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    return next(name for name, dtype in TORCH_DTYPES.items() if str(dtype) == f"torch.{written}")


def _stop_ids(run: Run, tokenizer: object) -> tuple[int, ...]:
    from transformers import AutoConfig, GenerationConfig

    config = AutoConfig.from_pretrained(run.model)
    return stop_token_ids(tokenizer, config, GenerationConfig.from_pretrained(run.model))


def _probes(job: Job) -> list[Probe]:
    """The run's own answers; its model is gone from memory before others load theirs."""
    loaded = replace(job.loaded, dtype=job.compute)
    return probes_of(loaded, build.policy_of(loaded, train=False), job.conversations)


def _readers_at_hand(job: Job) -> list[Reader]:
    """Programs that can read the form. Raises: ConfigError if none is installed."""
    found = [one for one in job.readers if one.installed and not (one.needs_gpu and job.on_cpu)]
    if not found:
        missing = " or ".join(one.package for one in job.readers)
        raise ConfigError(
            f"No program here can read the form {job.to}, so nothing could prove it; run `pip "
            f"install 'paceline[export]'` (it needs {missing})."
        )
    return found


def _read_back(
    job: Job, asked: Asked, probes: list[Probe], readers: list[Reader], told: Told
) -> tuple[list[Reading], dict[str, str]]:
    """What every reader at hand answered, and why others did not.

    Raises: ConfigError if one answers otherwise than the run's model, or none could read it.
    """
    readings: list[Reading] = []
    failed = {
        one.name: f"{one.package} is not installed"
        for one in job.readers
        if not one.installed and not (one.needs_gpu and job.on_cpu)
    }
    for reader in readers:
        told(f"reading it back with {reader.name}")
        try:
            answers = call(reader, asked)
        except ReaderError as error:
            failed[reader.name] = str(error)
            continue
        reading, differences = compare(probes, answers, reader, job.dtype)
        if differences:
            raise ConfigError(
                f"{reader.name} answers {counted(len(differences), 'problem')} of {len(probes)} "
                f"otherwise than the run's model: {differences[0]}; nothing was exported."
                + (COARSE if job.dtype == "q8_0" else "")
            )
        readings.append(reading)
    if not readings:
        told_why = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise ConfigError(f"No program could read the form {job.to} back ({told_why}).")
    return readings, failed


def _asked(job: Job, read: Path, probes: list[Probe], aside: Path) -> Asked:
    return Asked(
        path=str(read),
        conversations=tuple(probe.conversation for probe in probes),
        max_tokens=evaluation_sampling(job.loaded.config).max_tokens,
        stop_ids=job.stop_ids,
        device=str(job.loaded.device),
        dtype=str(job.compute).removeprefix("torch."),
        base=_base(job, aside) if job.to == "adapter" else None,
        quantisation=job.run.description.config["model"].get("quantisation", "none"),
    )


def _base(job: Job, aside: Path) -> str:
    """The model under a run's adapter as a folder, or a name, that others load."""
    stored = job.run.description.config
    source = resolve(stored["model"]["path"])
    if source.kind != "tiny":
        return loadable_name(source)
    folder = aside / "base"
    policy = load_policy(
        source, job.loaded.tokenizer, dtype=job.compute, train=False, seed=stored["seed"]
    )
    policy.save(folder)
    return str(folder)
