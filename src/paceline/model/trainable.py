"""A model that is trained: what learns of it at full precision, and the states that its head reads.

Legend: B rows, T completion tokens, M completion tokens of all rows, one row after the other; N
flat tokens of a packed batch, D hidden size.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from ..layout import PACKED, PADDED, Packed, Padded, TokenRows
from .activation_checkpointing import activation_checkpointing
from .attention import PackedAttention, flat_forward, supports
from .lora import lora_layers
from .padded import padded_states
from .quantised import parts
from .rows import take_rows


class Learned:
    """A module of which some parameters learn.

    Attributes:
        module: the module.
        masters: fp32 masters of the parameters that learn, by name, if the module itself is in 16
            bits, or if an optimizer steps elsewhere.
    """

    def __init__(self, module: Any, masters: Mapping[str, Tensor] | None = None) -> None:
        self.module, self.masters = module, masters

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by name and in a fixed order, tied ones once. The optimizer,
        checkpoints and clipping use this order."""
        return {n: p for n, p in self.module.named_parameters() if p.requires_grad}

    @property
    def heads(self) -> frozenset[str]:
        """Names of the parameters that learn at a rate of their own: none in a policy, whose head
        is a part of what was pretrained."""
        return frozenset()

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

    @property
    def saves_adapter(self) -> bool:
        """True if adapters are all that was learned, so that they can be written alone, too."""
        return self.adapted

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


class Trainable(Learned):
    """A transformers model with a head over its states, its tokenizer, stop tokens and version.

    Attributes:
        backbone: the module below the head, which gives the states.
        head: the linear layer of the module that reads the states.
        stop_ids: every token that ends an answer.
        version: number of optimizer steps that the weights have seen.
        layout: PACKED, or PADDED for a model that the packed layout does not fit.
    """

    def __init__(
        self,
        module: Any,
        head: nn.Linear,
        tokenizer: Any,
        stop_ids: Sequence[int],
        *,
        masters: Mapping[str, Tensor] | None = None,
        version: int = 0,
    ) -> None:
        super().__init__(module, masters)
        self.tokenizer, self.version, self.stop_ids = tokenizer, version, tuple(stop_ids)
        self.backbone: nn.Module = module.base_model
        self.head: Any = head
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


def spread(x_M: Tensor, rows: TokenRows) -> Tensor:
    """[B, T] numbers of one row after the other, each row on its own line; 0 where a row has no
    token."""
    real_BT = rows.real(x_M.device)
    return x_M.new_zeros(real_BT.shape).masked_scatter(real_BT, x_M)
