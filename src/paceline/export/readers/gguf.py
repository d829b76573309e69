"""A GGUF file, read by transformers' own reader: the numbers and the tokenizer, not llama.cpp's
arithmetic."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from .generate import generated
from .protocol import Answer, Asked


def answers(asked: Asked) -> list[Answer]:
    """The answers of `AutoModelForCausalLM.from_pretrained(folder, gguf_file=name)`."""
    file = Path(asked.path)
    where: dict[str, Any] = {
        "pretrained_model_name_or_path": str(file.parent),
        "gguf_file": file.name,
    }
    tokenizer = AutoTokenizer.from_pretrained(**where)
    model: Any = AutoModelForCausalLM.from_pretrained(
        **where, quantization_config=GgufConfig(dequantize=True), dtype=getattr(torch, asked.dtype)
    )
    return generated(model.to(asked.device).eval(), tokenizer, asked)
