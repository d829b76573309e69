"""Hashes of everything that a run reads and does not keep: by content, not by name."""

import dataclasses
import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import CodeType
from typing import Any

from .. import config as configuration
from ..model import resolve
from ..model.peft_folder import CONFIG_FILE as ADAPTER_SETTINGS
from ..model.reward_model import RewardModel
from ..store.description import CODE_PREFIX
from ..tasks import Task
from ..types import AnyVerifier, Problem
from ..verify.calling.load import is_of_session
from ..verify.calling.verifier import Adapted, leaves
from .load import Loaded
from .scored import judge_of

SAMPLED_BLOCKS, BLOCK_BYTES = 64, 1 << 16
"""Of a file of weights so many blocks of so many bytes are read, spread evenly: training changes
nearly every number, and to read all of a large model would take minutes."""
WEIGHT_PATTERNS = ("*.safetensors", "*.bin", "*.gguf", ADAPTER_SETTINGS)
"""File patterns of a model's weights, and of what an adapter's mean."""
ON_DISK = ("folder", "gguf")
"""Kinds of sources whose weights are files here."""


def fingerprints(loaded: Loaded) -> dict[str, str]:
    """Hashes of everything that decides the result of a run besides its config and its seed.

    problems: both splits, with all their columns, and the template that puts them to the model.
    test: the held-out split, its template, and the verifier that says what is right.
    tokenizer: vocabulary, special tokens, chat template.
    model: the weights that it begins with; empty if they are made, or named on a hub.
    adapter: the adapter that it begins with, its settings included; missing without one.
    judge: the weights of the reward models that are asked; missing without any.
    code: the user's own files and modules that the config names; their imports are not followed.
    code of PLACE: each of these by itself, and, by its source, a reward that no file holds.
    """
    task, config = loaded.task, configuration.to_json(loaded.config)
    return {
        "problems": _of_problems(task, task.train, task.heldout),
        "test": _of_problems(task, task.heldout)
        + _of_verifier(judge_of(task, loaded.config.rewards.model)),
        "tokenizer": _of_tokenizer(loaded.tokenizer),
        "model": _of_weights(loaded.source.path) if loaded.source.kind in ON_DISK else "",
        **({} if loaded.lora.start is None else {"adapter": _of_weights(loaded.lora.start)}),
        **_of_judges(task.verifier),
        "code": of_code(config),
        **{f"{CODE_PREFIX}{path}": _of_file(path) for path in sorted(set(_named(config)))},
        **_of_session(config, task.verifier),
    }


def _of_judges(verifier: AnyVerifier) -> dict[str, str]:
    """Hash of the weights of all reward models among the parts of a verifier."""
    paths = [part.path for part in leaves(verifier) if isinstance(part, RewardModel)]
    known = [_of_weights(path) if resolve(path).kind in ON_DISK else "" for path in paths]
    return {"judge": sha256("".join(known).encode()).hexdigest()} if known else {}


def of_code(config: Any) -> str:
    """Hash of the user's own code that a config names, such as that of a reward or an objective.

    Args:
        config: the config as JSON.
    """
    digest = sha256()
    for path in sorted(set(_named(config))):
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def _of_file(path: Path) -> str:
    return sha256(path.read_bytes() if path.is_file() else b"").hexdigest()


def _of_session(config: Any, verifier: AnyVerifier) -> dict[str, str]:
    """Hash of a reward that exists only in this Python session: of everything its parts are made
    of."""
    reward = config["task"].get("reward")
    if not is_of_session(reward):
        return {}
    digest = sha256()
    for part in leaves(verifier):
        digest.update(_source(part.function if isinstance(part, Adapted) else part).encode())
    return {f"{CODE_PREFIX}{reward}": digest.hexdigest()}


def _source(thing: Any) -> str:
    """The text of a function if Python has it, as in a notebook; otherwise its compiled code."""
    code = getattr(inspect.unwrap(thing) if callable(thing) else thing, "__code__", None)
    try:
        return inspect.getsource(type(thing) if code is None else code)
    except (OSError, TypeError):
        return "" if code is None else _compiled(code)


def _compiled(code: CodeType) -> str:
    inner = [_compiled(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {inner}"


def _named(value: Any) -> Iterator[Path]:
    """The file of every file.py:name and module:name in a config; prose with a colon is none."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _named(one)
        return
    place, _, name = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not name.replace(".", "").isidentifier():
        return
    if place.endswith(".py"):
        yield Path(place).expanduser()
    elif place.partition(".")[0] != "paceline":
        # The config was read, so what it names is loaded.
        file = getattr(sys.modules.get(place), "__file__", None)
        yield from [Path(file)] if file else ()


def _of_problems(task: Task, *sides: Sequence[Problem]) -> str:
    """Hash of every problem with all its columns, and of the template that puts them to the
    model."""
    digest = sha256(repr(task.template).encode())
    for side in sides:
        digest.update(b"\n--\n")
        for problem in side:
            row: list[Any] = [
                problem.id, problem.prompt, problem.answer, dict(problem.data)
            ]  # fmt: skip
            row += map(dataclasses.asdict, task.of_rows(problem))
            # What is no JSON counts by its type: an object's own words may differ each time.
            digest.update(json.dumps(row, default=lambda value: type(value).__name__).encode())
    return digest.hexdigest()


def _of_verifier(verifier: Any) -> str:
    """Hash of a verifier's kind and settings, those of its parts included; eight digits."""
    return sha256(json.dumps(_in_words(verifier)).encode()).hexdigest()[:8]


def _in_words(value: Any) -> Any:
    """A value as JSON that is the same in every process, before its first use and after it: code by
    its name, sets in order, an object of an unknown kind by its type; no fields that a class fills
    in by itself."""
    if isinstance(value, str | int | float | None):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        known = (f.name for f in dataclasses.fields(value) if f.init and f.compare)
        fields = {name: getattr(value, name) for name in known}
        return [type(value).__qualname__, _in_words(fields)]
    if isinstance(value, partial):
        return [_in_words(value.func), _in_words(value.args), _in_words(value.keywords)]
    if isinstance(value, Mapping):
        return [[_in_words(key), _in_words(one)] for key, one in value.items()]
    if isinstance(value, Set):
        return sorted(map(json.dumps, map(_in_words, value)))
    if isinstance(value, Sequence):
        return [_in_words(one) for one in value]
    return getattr(value, "__qualname__", type(value).__qualname__)


def _of_tokenizer(tokenizer: Any) -> str:
    """Hash of a tokenizer's vocabulary, special tokens and chat template."""
    words = sorted(tokenizer.get_vocab().items())
    parts = [words, tokenizer.special_tokens_map, tokenizer.chat_template]
    return sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _of_weights(place: str) -> str:
    path = Path(place).expanduser()
    files = (
        [path]
        if path.is_file()
        else [f for kind in WEIGHT_PATTERNS for f in sorted(path.glob(kind))]
    )
    digest = sha256()
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as opened:
            for block in range(SAMPLED_BLOCKS):
                opened.seek(block * max(0, size - BLOCK_BYTES) // (SAMPLED_BLOCKS - 1))
                digest.update(opened.read(BLOCK_BYTES))
    return digest.hexdigest()
