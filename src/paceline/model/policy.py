"""The policy: a causal language model that scores tokens and is trained.

Legend: B rows, T completion tokens, M completion tokens of all rows, one row after the other; N
flat tokens of a packed batch, D hidden size.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..batch import Micro
from ..errors import ConfigError
from ..layout import TokenRows
from ..objective import Loss, Metrics, Scores, TokenGradient, token_gradient
from ..types import Message, Prompt
from ..verify.answers.form import opened_in
from . import head
from .files import telling_of_the_disk, without_progress_bars
from .logits import LogitTransform
from .lora import merged_state
from .peft_folder import write_adapter
from .template import render
from .trainable import Trainable, spread


class BesideLoss(Protocol):
    """A loss of the policy's own states beside the policy's, such as that of a critic with a head
    over them."""

    def __call__(self, states_MD: Tensor, micro: Micro, /) -> Tensor:
        """The share of these rows in that loss, with gradient."""
        ...


class Policy(Trainable):
    """A transformers causal LM with its tokenizer, stop tokens and version.

    Its head is the output layer; the engine decodes with the module's parameters.
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
        head = module.get_output_embeddings()
        if not isinstance(head, nn.Linear) or module.base_model is module:
            raise ConfigError(
                f"{type(module).__name__} has no plain output layer over a backbone; only causal "
                "language models of transformers' usual form can be trained."
            )
        super().__init__(module, head, tokenizer, stop_ids, masters=masters, version=version)

    def render(self, messages: Sequence[Message]) -> Prompt:
        """The prompt that the chat template makes of some messages."""
        return Prompt(render(self.tokenizer, messages))

    def opened(self, prompt: Prompt) -> str:
        """The tags that a rendered prompt ends with, and so opens for its completions."""
        return opened_in(self.tokenizer.decode(prompt.token_ids))

    def scores(self, rows: TokenRows, temperature: float, *, recompute: bool = False) -> Scores:
        """Log-probability and entropy of every completion token, with gradient.

        Only the completions' positions pass through the head, in chunks: logits of a whole batch
        never exist.

        Returns: Scores of [B, T] in fp32; 0 where a row has no token.
        """
        logp_M, entropy_M = head.token_scores(
            self.states(rows, recompute=recompute),
            self.head,
            rows.targets(self.device),
            LogitTransform.of(self.module.config, temperature),
        )
        return _spread(logp_M, entropy_M, rows)

    @torch.no_grad()
    def score(self, rows: TokenRows, temperature: float) -> Scores:
        """Log-probability and entropy without gradient: the anchor and the reference pass."""
        return self.scores(rows, temperature)

    def loss(
        self,
        loss: Loss,
        micro: Micro,
        temperature: float,
        scale: float = 1.0,
        beside: BesideLoss | None = None,
    ) -> tuple[Tensor, Metrics]:
        """The micro-batch's share of the loss. Shares add up: nothing here divides by a batch size.

        If the gradient at a token is known from its own scores, the head forms the gradient of its
        inputs while it has the logits; otherwise the backward pass forms them again.

        Args:
            scale: factor of the gradient, for dtypes that hold no small numbers. The scores'
                gradient has it before it is brought to the model's dtype.
            beside: another loss of the same states, which is added; it is in no metrics here.
        """
        states_MD = self.states(micro.rows, recompute=micro.recompute)
        share, metrics = self._loss_of_states(states_MD, loss, micro, temperature, scale)
        if beside is not None:
            share = share + scale * beside(states_MD, micro)
        return share, metrics

    def _loss_of_states(
        self, states_MD: Tensor, loss: Loss, micro: Micro, temperature: float, scale: float
    ) -> tuple[Tensor, Metrics]:
        targets_M = micro.rows.targets(self.device)
        transform = LogitTransform.of(self.module.config, temperature)
        gradient = token_gradient(loss, micro.tokens, micro.rows.real(self.device))
        if gradient is None:
            scores = _spread(
                *head.token_scores(states_MD, self.head, targets_M, transform), micro.rows
            )
            value, metrics = loss(scores, micro.tokens)
            return value * scale, metrics
        fused = head.fused_loss(
            states_MD, self.head, targets_M, transform, _scaled(gradient, scale)
        )
        scores = _spread(fused.logp_M, fused.entropy_M, micro.rows)
        value, metrics = loss(scores, micro.tokens)
        return fused.attach(value), metrics

    def logits(self, hidden_ND: Tensor) -> Tensor:
        """[N, V] the model's own logits in fp32, before any temperature."""
        return LogitTransform.of(self.module.config, 1.0).apply(self.head(hidden_ND))

    def save(self, folder: Path) -> None:
        """Write a Hugging Face folder that AutoModelForCausalLM and pipeline load. Adapters are
        merged into its weights, bit for bit as the engine merges them. Its generation_config.json
        has every token that ended an answer here: others stop at those of that file alone.

        Raises: OSError if the disk is full, or cannot be written.
        """
        state = merged_state(self.module) if self.adapted else None
        if self.module.generation_config is not None and self.stop_ids:
            self.module.generation_config.eos_token_id = list(self.stop_ids)
        with without_progress_bars(), telling_of_the_disk():
            self.module.save_pretrained(folder, state_dict=state)
            self.tokenizer.save_pretrained(folder)

    def save_adapter(self, folder: Path, base: str) -> None:
        """Write the adapters alone, as a folder that PEFT loads.

        Args:
            base: the name of the model under them.

        Raises: OSError if the disk is full, or cannot be written.
        """
        write_adapter(self.module, folder, base)


def _scaled(gradient: TokenGradient, scale: float) -> TokenGradient:
    def scaled(c: slice, logp_C: Tensor, entropy_C: Tensor) -> tuple[Tensor, Tensor | None]:
        grad_logp_C, grad_entropy_C = gradient(c, logp_C, entropy_C)
        return scale * grad_logp_C, None if grad_entropy_C is None else scale * grad_entropy_C

    return gradient if scale == 1.0 else scaled


def _spread(logp_M: Tensor, entropy_M: Tensor, rows: TokenRows) -> Scores:
    """Spread values of one row after the other to [B, T]."""
    return Scores(spread(logp_M, rows), spread(entropy_M, rows))
