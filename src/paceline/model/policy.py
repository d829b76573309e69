"""The policy: a causal language model that scores tokens and is trained.

Legend: B rows, T completion tokens, M completion tokens of all rows, one row after the other; N
flat tokens of a packed batch, D hidden size.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..batch import Micro
from ..errors import ConfigError
from ..layout import PACKED, PADDED, Packed, Padded, TokenRows
from ..objective import Loss, Metrics, Scores, TokenGradient, token_gradient
from ..types import Message, Prompt
from ..verify.answers.form import opened_in
from . import head
from .activation_checkpointing import activation_checkpointing
from .attention import PackedAttention, flat_forward, supports
from .files import telling_of_the_disk, without_progress_bars
from .logits import LogitTransform
from .lora import lora_layers, merged_state
from .padded import padded_states
from .peft_folder import write_adapter
from .quantised import parts
from .rows import take_rows
from .template import render


class Policy:
    """A transformers causal LM with its tokenizer, stop tokens and version.

    Attributes:
        module: the model; the engine decodes with its parameters.
        masters: fp32 masters of the parameters, by name, if the module itself is in bf16.
        stop_ids: every token that ends an answer.
        version: number of optimizer steps that the weights have seen.
        layout: PACKED, or PADDED for a model that the packed layout does not fit.
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
        self.layout = PACKED if supports(module) else PADDED

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

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by name and in a fixed order, tied ones once. The optimizer,
        checkpoints and clipping use this order."""
        return {n: p for n, p in self.module.named_parameters() if p.requires_grad}

    def frozen(self) -> dict[str, Tensor]:
        """The parameters that do not learn, by name: the weights under adapters. A quantised one
        is all that it is made of, under names of their own."""
        found = {}
        for name, parameter in self.module.named_parameters():
            if not parameter.requires_grad:
                whole = {f"{name}.{part}": one for part, one in parts(parameter).items()}
                found |= whole or {name: parameter.detach()}
        return found

    @property
    def adapted(self) -> bool:
        """True if adapters learn, and the weights under them stay as they are."""
        return bool(lora_layers(self.module))

    def exact_parameters(self) -> Mapping[str, Tensor]:
        """The parameters that learn at full precision, by name: the masters if there are any."""
        return {n: self.masters[n] if self.masters else p for n, p in self.trained().items()}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the parameters that `exact_parameters` returned: masters and parameters both, in
        place."""
        exact = self.exact_parameters()
        for name, parameter in self.trained().items():
            exact[name].copy_(tensors[name])
            parameter.copy_(exact[name])

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
        self, loss: Loss, micro: Micro, temperature: float, scale: float = 1.0
    ) -> tuple[Tensor, Metrics]:
        """The micro-batch's share of the loss. Shares add up: nothing here divides by a batch size.

        If the gradient at a token is known from its own scores, the head forms the gradient of its
        inputs while it has the logits; otherwise the backward pass forms them again.

        Args:
            scale: factor of the gradient, for dtypes that hold no small numbers. The scores'
                gradient has it before it is brought to the model's dtype.
        """
        gradient = token_gradient(loss, micro.tokens, micro.rows.real(self.device))
        if gradient is None:
            scores = self.scores(micro.rows, temperature, recompute=micro.recompute)
            value, metrics = loss(scores, micro.tokens)
            return value * scale, metrics
        fused = head.fused_loss(
            self.states(micro.rows, recompute=micro.recompute),
            self.head,
            micro.rows.targets(self.device),
            LogitTransform.of(self.module.config, temperature),
            _scaled(gradient, scale),
        )
        scores = _spread(fused.logp_M, fused.entropy_M, micro.rows)
        value, metrics = loss(scores, micro.tokens)
        return fused.attach(value), metrics

    def states(self, rows: TokenRows, *, recompute: bool = False) -> Tensor:
        """[M, D] the hidden state that predicts each completion token: the shift.

        A prompt goes through the model once for all its completions; the gradient comes back the
        same way. With `recompute` the backward pass computes each layer again from its input.
        """
        if self.layout is PADDED:
            return padded_states(self.module, Padded.of(rows, self.device))
        packed = Packed.of(rows, self.device)
        with activation_checkpointing(self.module) if recompute else nullcontext():
            hidden_ND = flat_forward(
                self.module, packed.ids_N, packed.position_N, PackedAttention(packed)
            )
        return take_rows(hidden_ND, packed.predicts_M)

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
    real_BT = rows.real(logp_M.device)
    blank_BT = logp_M.new_zeros(real_BT.shape)
    return Scores(
        blank_BT.masked_scatter(real_BT, logp_M), blank_BT.masked_scatter(real_BT, entropy_M)
    )
