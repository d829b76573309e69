"""Output of `paceline export`: what was written, who read it back, and how to use it."""

import argparse
import json
from pathlib import Path

from ..export import export
from ..model import resolve
from ..run.screen import Screen
from ..store.exports import Exported, Reading, place_of
from ..store.run import Run
from ..terminal import print_json
from ..text import counted, data_size

SERVED_OTHERWISE = ("repetition_penalty", "temperature", "top_p", "top_k", "min_p")
"""Keys of generation_config.json that make others sample from another distribution than the one
that was trained and measured."""
NEUTRAL = (None, 1, 1.0, 0, 0.0)
"""Values of theirs that change nothing."""


def export_and_print(known: argparse.Namespace) -> None:
    """Export a run's model as the command's flags say.

    Raises: ConfigError, DataError.
    """
    screen = Screen(0, quiet=known.json)
    with screen.busy("exporting"):
        made = export(
            known.path, known.to, known.out, dtype=known.dtype, prompts=known.prompts,
            told=screen.say,
        )  # fmt: skip
    if known.json:
        print_json(made.to_json())
        return
    for line in told(made, Run.open(known.path)):
        screen.say(line)


def told(made: Exported, run: Run) -> list[str]:
    """An export in words."""
    path = place_of(run, made)
    lines = [f"exported to {path} ({made.dtype}, {data_size(_size(path))})"]
    lines += [f"  {_in_words(reading)}" for reading in made.verified]
    lines += [f"  not read back by {name}: {why}" for name, why in made.not_read.items()]
    lines += [f"  {line}" for line in _use(made, run)]
    return lines


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _in_words(reading: Reading) -> str:
    """A reading in words. Example: llama.cpp (xllamacpp 2026.10) rendered 8 of 8 prompts as in
    training, and answered 8 as the run's model does."""
    by = f"{reading.by} ({reading.version})" if reading.version else reading.by
    of = counted(reading.prompts, "prompt")
    ties = f", {reading.near_ties} up to a near tie" if reading.near_ties else ""
    return (
        f"{by} rendered {reading.same_prompts} of {of} as in training, and answered "
        f"{reading.equal + reading.near_ties} as the run's model does{ties}"
    )


def _use(made: Exported, run: Run) -> list[str]:
    """Commands that serve it."""
    path, name = str(place_of(run, made)), run.path.resolve().name
    if made.to == "ollama":
        return [f"use it: cd '{path}' && ollama create {name} -f Modelfile && ollama run {name}"]
    if made.to == "gguf":
        smaller = f"{path.removesuffix('.gguf')}-Q4_K_M.gguf"
        return [
            f"serve it: llama-server -m '{path}'",
            f"make it smaller: llama-quantize '{path}' '{smaller}' Q4_K_M",
        ]
    if made.to == "adapter":
        base = run.description.config["model"]["path"]
        use = f"use it: PeftModel.from_pretrained(model, '{path}'), on '{base}'"
        if resolve(base).kind not in ("folder", "hub"):  # others do not know our names of bases
            return [use, "others load no base under this name; --to folder needs none"]
        return [use, f"serve it: vllm serve '{base}' --enable-lora --lora-modules {name}='{path}'"]
    return [f"serve it: vllm serve '{path}'", *_served_otherwise(Path(path))]


def _served_otherwise(folder: Path) -> list[str]:
    file = folder / "generation_config.json"
    asks = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    found = [f"{key}={asks[key]:g}" for key in SERVED_OTHERWISE if asks.get(key) not in NEUTRAL]
    if not found:
        return []
    return [
        f"note: its generation_config.json asks for {', '.join(found)}, so others sample its "
        "answers otherwise than it was trained, unless they are told not to"
    ]
