"""Greedy answers by transformers' own `generate`, one conversation at a time: rows beside each
other would be padded, and round otherwise."""

from typing import Any

import torch

from .protocol import Answer, Asked

GREEDY = {"do_sample": False, "repetition_penalty": 1.0}
"""Keywords that switch off what a generation_config.json may ask for: models are trained, and
measured, on the distribution itself."""


@torch.inference_mode()
def generated(model: Any, tokenizer: Any, asked: Asked) -> list[Answer]:
    """The model's answers."""
    found = []
    for conversation in asked.conversations:
        rendered = tokenizer.apply_chat_template(
            [dict(turn) for turn in conversation], add_generation_prompt=True, return_dict=True,
            return_tensors="pt",
        ).to(model.device)  # fmt: skip
        output = model.generate(**rendered, max_new_tokens=asked.max_tokens, **GREEDY)[0].tolist()
        length = rendered["input_ids"].shape[1]
        text = tokenizer.decode(output[length:], skip_special_tokens=True)
        found.append(asked.answer(output[:length], output[length:], text))
    return found
