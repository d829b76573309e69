"""The sizes of a model and the cost of a token in it, found without its weights.

Legend: N flat tokens, H query heads, G key and value heads, D head size.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..layout import PACKED
from ..settings import LoraConfig
from .attention import AttentionParams, flat_forward
from .classifier import classifier_class
from .load import blank
from .lora import adapt, lora_layers
from .peft_folder import Shapes, check_shapes, layers_of
from .policy import Policy
from .source import Source

COUNTED_TOKENS = 64
"""Number of tokens that go through the empty model; the memory that they leave is divided by it."""


@dataclass(frozen=True, slots=True)
class ModelSize:
    """A model's sizes.

    Example: ModelSize(parameters=134_515_008, linear=134_479_872, layers=30, width=576,
        words=49152, cache=11_520, activation_bytes=742_000, context=8192, packed=True)
    """

    parameters: int
    """Number of parameters, those of a tied layer counted once."""
    linear: int
    """Number of parameters in matrices of linear layers, the output layer included."""
    layers: int
    width: int
    """The size of the hidden state."""
    words: int
    """Number of words of the output layer."""
    cache: int
    """Number of values that a token leaves as keys and values, in all layers."""
    activation_bytes: int
    """Bytes that a token leaves for the backward pass, in all layers. The matrices of attention are
    not included, which exist on the CPU if a window binds or products are capped."""
    context: int | None
    """The most tokens that the model was made for, if its config says so."""
    packed: bool
    """True if the model's rows are packed on one axis; otherwise they are padded, and `cache` and
    `activation_bytes` are estimated from the linear layers."""
    adapters: int = 0
    """Number of parameters of adapters, beside the model's own; 0 if all weights are trained."""
    adapted: int = 0
    """Number of parameters in the matrices that have an adapter."""
    adapted_layers: int = 0
    """Number of layers that have an adapter."""

    @property
    def inner(self) -> int:
        """Number of parameters in matrices of linear layers but the output layer."""
        return self.linear - self.words * self.width

    @property
    def trained(self) -> int:
        """Number of parameters that learn."""
        return self.adapters or self.parameters

    @classmethod
    def of(
        cls,
        source: Source,
        dtype: torch.dtype,
        lora: LoraConfig | None = None,
        shapes: Shapes | None = None,
        *,
        layers: int | None = None,
        scores: bool = False,
    ) -> "ModelSize":
        """The sizes of a model, with the adapters of some settings if they train any.

        Args:
            shapes: those of the adapter that training goes on from, which then say the layers.
            layers: number of first layers to take; None for all.
            scores: True for a reward model, whose output layer gives one number.

        Raises: ConfigError for a model that is missing or could not be trained, or adapters that do
            not fit it.
        """
        module = blank(source, dtype=dtype, layers=layers)
        if scores:
            classifier_class(module.config)  # a family without one is told now
        parameters = sum(p.numel() for p in module.parameters())
        if lora is not None and lora.on:
            if shapes is None:
                adapt(module, lora)
            else:
                adapt(module, lora, layers_of(shapes))
                check_shapes(module, lora, shapes)
            module.to(dtype)
        policy, adapted = Policy(module, None, ()), lora_layers(module).values()
        head, packed = policy.head, policy.layout is PACKED
        linear = sum(x.numel() for x in {m.weight for m in _linear_layers(module)})
        cache, activation_bytes = _of_a_token(module) if packed else _guessed(module, dtype)
        words, width = head.out_features, head.in_features
        if scores:
            tied = head.weight is module.get_input_embeddings().weight
            parameters += width - (0 if tied else head.weight.numel())
            linear += width - head.weight.numel()
            words = 1
        return cls(
            parameters=parameters,
            linear=linear,
            layers=module.config.get_text_config().num_hidden_layers,
            width=width,
            words=words,
            cache=cache,
            activation_bytes=activation_bytes,
            context=policy.context_length,
            packed=packed,
            adapters=_learning(policy, width if scores else 0) if adapted else 0,
            adapted=sum(layer.weight.numel() for layer in adapted),
            adapted_layers=len(adapted),
        )


def _linear_layers(module: Any) -> list[nn.Linear]:
    return [one for one in module.modules() if isinstance(one, nn.Linear)]


def _learning(policy: Policy, head: int) -> int:
    """Number of parameters that learn where adapters do.

    Args:
        head: number of parameters of a head that learns with them.
    """
    return head + sum(p.numel() for p in policy.trained().values())


def _of_a_token(module: Any) -> tuple[int, int]:
    """Count `cache` and `activation_bytes`: a pass of the real modules on the meta device, where
    tensors have shapes and no memory."""
    cache: list[int] = []

    def attention_fn(
        layer: int, query_NHD: Tensor, key_NGD: Tensor, value_NGD: Tensor, params: AttentionParams
    ) -> Tensor:
        cache.append(key_NGD[0].numel() + value_NGD[0].numel())
        return _Attended.apply(query_NHD, key_NGD, value_NGD)  # type: ignore[no-any-return]

    parameters = {p.untyped_storage()._cdata for p in module.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(x: Tensor) -> Tensor:
        storage = x.untyped_storage()._cdata
        if storage not in parameters:
            kept.setdefault(storage, x)  # held, so that no other takes its place
        return x

    ids_N = torch.ones(COUNTED_TOKENS, dtype=torch.long, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        flat_forward(module, ids_N, ids_N, attention_fn)
    size = sum(x.untyped_storage().nbytes() for x in kept.values())
    return sum(cache), size // COUNTED_TOKENS


class _Attended(torch.autograd.Function):
    """Keeps for the backward pass what the packed attention keeps, which does not run here."""

    @staticmethod
    def forward(ctx, query_NHD, key_NGD, value_NGD):  # type: ignore[override]
        out_NHD = torch.empty_like(query_NHD)
        exact = torch.promote_types(query_NHD.dtype, torch.float32)
        lse_NH = query_NHD.new_empty(query_NHD.shape[:2], dtype=exact)
        ctx.save_for_backward(query_NHD, key_NGD, value_NGD, out_NHD, lse_NH)
        return out_NHD


def _guessed(module: Any, dtype: torch.dtype) -> tuple[int, int]:
    """Estimate `cache` and `activation_bytes` of a model that attends in its own way: keys and
    values as wide as the hidden state; inputs and outputs of all linear layers, and as much
    again."""
    config = module.config.get_text_config()
    layers = _linear_layers(module.base_model)
    numbers = sum(m.in_features + m.out_features for m in layers)
    return 2 * config.num_hidden_layers * config.hidden_size, 2 * dtype.itemsize * numbers
