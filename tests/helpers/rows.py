"""Rows that tests of a policy share, and what the model itself says of one."""

import torch

from paceline.layout import TokenRows

ROWS = TokenRows(
    prompts=((5, 6, 7), (8, 9), (5,) * 11, (5, 6, 7), (5, 6, 7), (8, 9)),
    completions=((10, 11, 12, 2), (13,), (14, 15), (16,) * 9, (17,), (18, 19, 20)),
)
"""Ragged, two groups and a group of one, completions of one token."""

BEGUN = TokenRows(tuple((30, 31, 32, 33, *p) for p in ROWS.prompts), ROWS.completions)
"""The same behind four tokens that all begin with; they are laid out once."""


def expected(module, prompt, completion, temperature):
    """Log-probability and entropy of each token of one row, unpadded, from the model's own
    logits."""
    ids = torch.tensor([[*prompt, *completion]])
    log_p = (module(ids).logits[0].float() / temperature).log_softmax(-1)
    places = range(len(prompt) - 1, len(prompt) + len(completion) - 1)
    logp = [log_p[p, t].item() for p, t in zip(places, completion, strict=True)]
    return logp, [-(log_p[p].exp() * log_p[p]).sum().item() for p in places]
