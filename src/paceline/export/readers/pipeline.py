"""A folder, read by transformers' `pipeline`, as most people load a model."""

from typing import Any

import torch
import transformers

from .generate import GREEDY
from .protocol import Answer, Asked


def answers(asked: Asked) -> list[Answer]:
    """The answers of `pipeline("text-generation", folder)`."""
    pipe: Any = transformers.pipeline(
        "text-generation", asked.path, dtype=getattr(torch, asked.dtype), device=asked.device
    )
    found = []
    for conversation in asked.conversations:
        turns = [dict(turn) for turn in conversation]
        (output,) = pipe(turns, max_new_tokens=asked.max_tokens, return_tensors=True, **GREEDY)
        ids = output["generated_token_ids"]
        prompt = pipe.tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_dict=True
        )["input_ids"]
        if ids[: len(prompt)] != prompt:  # it rendered something else: nothing is known of where
            prompt = ids[:0]
        text = pipe.tokenizer.decode(ids[len(prompt) :], skip_special_tokens=True)
        found.append(asked.answer(prompt, ids[len(prompt) :], text))
    return found
