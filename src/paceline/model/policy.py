"""The policy: a causal language model that scores tokens and is trained.

Legend: B rows, T completion tokens, Q different prompts, P prompt tokens, N scored tokens, D
hidden size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from ..batch import Micro, Padded
from ..errors import ConfigError
from ..objective import Metrics, Objective, Scores
from ..types import Message
from . import head
from .progress import without_progress_bars
from .template import render


@dataclass(frozen=True, slots=True)
class Prefilled:
    """Prompts after their pass through the model."""

    last_QD: Tensor
    """The hidden state behind each prompt's last token."""
    cache: DynamicCache
    """Keys and values of all prompt positions."""


class Policy:
    """A transformers causal LM with its tokenizer, stop tokens and version.

    Attributes:
        module: the model; its parameters are what the engine decodes with.
        masters: fp32 masters of the parameters, by name, where the module itself is in bf16.
        stop_ids: every token that ends an answer.
        version: how many optimizer steps the weights have seen.
    """

    def __init__(
        self,
        module: Any,
        tokenizer: Any,
        stop_ids: Sequence[int],
        *,
        masters: Mapping[str, Tensor] | None = None,
        version: int = 0,
    ) -> None:
        self.module, self.tokenizer, self.version = module, tokenizer, version
        self.stop_ids, self.masters = tuple(stop_ids), masters
        self.backbone: nn.Module = module.base_model
        self.head: Any = module.get_output_embeddings()
        if not isinstance(self.head, nn.Linear) or self.backbone is module:
            raise ConfigError(
                f"{type(module).__name__} has no plain output layer over a backbone; only causal "
                "language models of transformers' usual form can be trained."
            )

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.head.weight.dtype

    @property
    def context_length(self) -> int | None:
        """The most tokens that the model was made for, if its config says so."""
        return getattr(self.module.config, "max_position_embeddings", None)

    def exact_parameters(self) -> Mapping[str, Tensor]:
        """The parameters at full precision, by name: the masters where there are any."""
        return self.masters or dict(self.module.named_parameters())

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `exact_parameters` gave: masters and parameters both, in place."""
        exact = self.exact_parameters()
        for name, parameter in self.module.named_parameters():
            exact[name].copy_(tensors[name])
            parameter.copy_(exact[name])

    def render(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The prompt's tokens under the chat template."""
        return render(self.tokenizer, messages)

    def scores(self, padded: Padded, temperature: float) -> Scores:
        """Log-probability and entropy of every completion token, with gradient.

        Only the completions' positions pass the head, in chunks: logits of a whole batch never
        exist.

        Returns: Scores of [B, T] in fp32; padding is 0.
        """
        row_N, column_N = padded.completion_real_BT.nonzero(as_tuple=True)
        logp_N, entropy_N = head.token_scores(
            self._states(padded)[row_N, column_N],
            self.head,
            padded.completion_ids_BT[row_N, column_N],
            head.Shape.of(self.module.config, temperature),
        )
        blank_BT = logp_N.new_zeros(padded.completion_ids_BT.shape)
        return Scores(
            blank_BT.index_put((row_N, column_N), logp_N),
            blank_BT.index_put((row_N, column_N), entropy_N),
        )

    def _states(self, padded: Padded) -> Tensor:
        """[B, T, D] the hidden state that predicts each completion token: the shift.

        A prompt goes through the model once for all its completions, which then attend to its
        keys and values; the gradient comes back the same way. The last token of a completion
        predicts nothing that is scored, so it is not computed.
        """
        prompts = self.prefill(padded.prompt_ids_QP, padded.prompt_real_QP)
        prompt_of_B = padded.prompt_of_B
        first_B1D = prompts.last_QD[prompt_of_B, None]
        if padded.completion_ids_BT.shape[1] == 1:
            return first_B1D
        prompts.cache.batch_select_indices(prompt_of_B)
        prompt_real_BP = padded.prompt_real_QP[prompt_of_B]
        real_BS = torch.cat([prompt_real_BP, padded.completion_real_BT[:, :-1]], 1).long()
        position_BS = (real_BS.cumsum(-1) - 1).clamp_min(0)
        later_BTD = self.backbone(
            input_ids=padded.completion_ids_BT[:, :-1],
            attention_mask=real_BS,
            position_ids=position_BS[:, prompt_real_BP.shape[1] :],
            past_key_values=prompts.cache,
            use_cache=True,
        ).last_hidden_state
        return torch.cat([first_B1D, later_BTD], 1)

    def prefill(self, prompt_ids_QP: Tensor, prompt_real_QP: Tensor) -> "Prefilled":
        """Prompts, padded on the left, through the backbone."""
        cache = DynamicCache(config=self.module.config)
        hidden_QPD = self.backbone(
            input_ids=prompt_ids_QP,
            attention_mask=prompt_real_QP.long(),
            position_ids=(prompt_real_QP.long().cumsum(-1) - 1).clamp_min(0),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        return Prefilled(hidden_QPD[:, -1], cache)

    def logits(self, hidden_ND: Tensor) -> Tensor:
        """[N, V] the model's own logits in fp32, before any temperature."""
        return head.Shape.of(self.module.config, 1.0).apply(self.head(hidden_ND))

    @torch.no_grad()
    def score(self, padded: Padded, temperature: float) -> Scores:
        """The same without gradient: the anchor and the reference pass."""
        return self.scores(padded, temperature)

    def loss(
        self, objective: Objective, micro: Micro, temperature: float
    ) -> tuple[Tensor, Metrics]:
        """The micro-batch's share of the loss. Shares add up: nothing here divides by a batch
        size."""
        return objective(self.scores(micro.padded, temperature), micro.tokens)

    def save(self, folder: Path) -> None:
        """Write a Hugging Face folder that AutoModelForCausalLM and pipeline load."""
        with without_progress_bars():
            self.module.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
