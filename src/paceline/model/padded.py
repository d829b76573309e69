"""The padded path, for models whose layers are not all attention of the usual kind: rows padded to
rectangles and the model's own cache. The packed path is tested against it.

Legend: B rows, T completion tokens, M of all rows; Q different prompts, P prompt tokens, S both, D
hidden size.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from ..layout import Padded


@dataclass(frozen=True, slots=True)
class Prefilled:
    """Prompts after their pass through the model."""

    last_QD: Tensor
    """The hidden state after each prompt's last token."""
    cache: DynamicCache
    """Keys and values of all prompt positions."""


def prefill(module: Any, prompt_ids_QP: Tensor, prompt_real_QP: Tensor) -> Prefilled:
    """Pass prompts, padded on the left, through the backbone."""
    cache = DynamicCache(config=module.config)
    hidden_QPD = module.base_model(
        input_ids=prompt_ids_QP,
        attention_mask=prompt_real_QP.long(),
        position_ids=(prompt_real_QP.long().cumsum(-1) - 1).clamp_min(0),
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return Prefilled(hidden_QPD[:, -1], cache)


def padded_states(module: Any, padded: Padded) -> Tensor:
    """[M, D] the hidden state that predicts each completion token.

    A prompt goes through the model once for all its completions, which then attend to its keys
    and values. The last token of a completion predicts nothing that is scored, so it is not
    computed.
    """
    prompts = prefill(module, padded.prompt_ids_QP, padded.prompt_real_QP)
    prompt_of_B = padded.prompt_of_B
    states_BTD = prompts.last_QD[prompt_of_B, None]
    if padded.completion_ids_BT.shape[1] > 1:
        prompts.cache.batch_select_indices(prompt_of_B)
        prompt_real_BP = padded.prompt_real_QP[prompt_of_B]
        real_BS = torch.cat([prompt_real_BP, padded.completion_real_BT[:, :-1]], 1).long()
        position_BS = (real_BS.cumsum(-1) - 1).clamp_min(0)
        later_BTD = module.base_model(
            input_ids=padded.completion_ids_BT[:, :-1],
            attention_mask=real_BS,
            position_ids=position_BS[:, prompt_real_BP.shape[1] :],
            past_key_values=prompts.cache,
            use_cache=True,
        ).last_hidden_state
        states_BTD = torch.cat([states_BTD, later_BTD], 1)
    return states_BTD[padded.completion_real_BT]
