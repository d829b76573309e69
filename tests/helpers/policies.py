"""Policies made quickly."""

import torch

from paceline.model import Policy, load_policy, load_tokenizer, resolve


def tiny_policy(dtype: torch.dtype = torch.float32, *, train: bool = True, seed: int = 0) -> Policy:
    """The tiny model, with weights drawn from the seed."""
    source = resolve("tiny")
    return load_policy(source, load_tokenizer(source), dtype=dtype, train=train, seed=seed)
