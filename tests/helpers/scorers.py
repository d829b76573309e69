"""Scorers, small and quickly made, and the same numbers from transformers' own modules."""

import torch
from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING as CLASSES

from paceline import rng
from paceline.layout import TokenRows
from paceline.model.classifier import classifier_over
from paceline.model.scorer import RewardScorer
from paceline.model.tiny import tokenizer
from tests.helpers.families import family

STOPPED = TokenRows(
    prompts=((5, 6, 2, 7), (8, 9), (2,) * 11, (5, 6, 2, 7), (5, 6, 2, 7), (0, 9)),
    completions=((10, 2, 12, 2), (13,), (2, 15), (16, 0) * 4, (2,), (18, 0, 20)),
)
"""Ragged rows with the stop token 2 and the pad token 0 within them."""


@torch.no_grad()
def fill_head(scorer, spread=0.5, seed=0):
    """Let the head be as if it had learned."""
    weight = scorer.head.weight
    drawn = rng.normals(rng.key(seed, "fill head"), weight.numel())
    exact = dict(scorer.exact_parameters())
    exact["score.weight"] = torch.from_numpy(spread * drawn).float().view_as(weight)
    scorer.restore({name: x.clone() for name, x in exact.items()})
    return scorer


def scorer_of(name, made=RewardScorer, dtype=torch.float32):
    """A scorer of a family, its head filled."""
    body = family(name).base_model
    for parameter in body.parameters():
        parameter.data = parameter.detach().to(dtype)
    return fill_head(made(classifier_over(body), tokenizer(), (2,)))


def their_module(scorer, pad=None):
    """transformers' own module with the scorer's weights, in fp32."""
    config = scorer.module.config.__class__.from_dict(scorer.module.config.to_dict())
    config.pad_token_id = 0  # so that the embedding is made the same
    module = CLASSES[type(config)](config).float().eval()
    module.set_attn_implementation("eager")
    module.load_state_dict(scorer.module.state_dict())
    module.config.pad_token_id = pad
    return module


def their_ends(module, rows):
    """[B] what transformers' own module gives for each row alone."""
    alone = (torch.tensor([[*p, *c]]) for p, c in zip(rows.prompts, rows.completions, strict=True))
    return torch.cat([module(ids).logits[:, 0] for ids in alone])


def their_values(module, rows):
    """[M] the head on the states before each completion token, each row alone."""
    found = []
    for prompt, completion in zip(rows.prompts, rows.completions, strict=True):
        hidden = module.base_model(torch.tensor([[*prompt, *completion]])).last_hidden_state[0]
        # The state at the prompt's last place comes before the first token.
        places = range(len(prompt) - 1, len(prompt) - 1 + len(completion))
        found += [module.score.weight[0] @ hidden[place] for place in places]
    return torch.stack(found)
