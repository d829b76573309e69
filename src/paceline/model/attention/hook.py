"""One attention function, registered with transformers, through which every layer of a model
attends as the current forward pass says.

Legend: N flat tokens, H query heads, G key and value heads, D head size.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers.modeling_utils import AttentionInterface

from ...errors import ConfigError

ATTENTION_NAME = "paceline"
"""Name under which the function is registered with transformers."""


@dataclass(frozen=True, slots=True)
class AttentionParams:
    """The parameters of a layer's attention.

    Example: AttentionParams(scale=0.125, window=4096)
    """

    scale: float
    """Factor of the products of queries and keys."""
    window: int | None = None
    """Window of attention: a query sees itself and at most window − 1 tokens before; None sees
    all."""
    cap: float | None = None
    """Soft-capping of the scaled products: cap · tanh(x / cap)."""


class AttentionFn(Protocol):
    """The attention of one forward pass: decides, in every layer, which tokens see each other."""

    def __call__(
        self,
        layer: int,
        query_NHD: Tensor,
        key_NGD: Tensor,
        value_NGD: Tensor,
        params: AttentionParams,
        /,
    ) -> Tensor:
        """Compute the layer's attention [N, H, D]."""
        ...


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    attention_fn: AttentionFn,
    scaling: float,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """The function that transformers calls: tensors [1, heads, N, D] in, [1, N, H, D] out."""
    if attention_mask is not None:
        raise ValueError("A layer that makes its own mask does not see what we ask for.")
    if s_aux is not None:
        raise ConfigError(
            f"{type(module).__name__} has attention sinks, whose gradients nobody has proven here; "
            "use a model of another family."
        )
    query_NHD, key_NGD, value_NGD = (x[0].transpose(0, 1) for x in (query, key, value))
    params = AttentionParams(scaling, sliding_window, softcap)
    return attention_fn(module.layer_idx, query_NHD, key_NGD, value_NGD, params)[None], None


# Not registered with the mask interface: so no mask is built for any layer.
AttentionInterface.register(ATTENTION_NAME, _attend)


@contextmanager
def use_attention(module: Any) -> Iterator[None]:
    """A context in which the model's layers call the registered function, and need `attention_fn=…`
    among the arguments of the forward pass; outside of it the model is unchanged, for generate and
    all other uses."""
    # The setter reaches into the configs of a model's parts, so theirs are remembered too.
    configs = _configs(module.config)
    before = [c._attn_implementation for c in configs]
    module.config._attn_implementation = ATTENTION_NAME
    try:
        yield
    finally:
        for config, name in zip(configs, before, strict=True):
            config._attn_implementation_internal = name


def _configs(config: Any) -> list[Any]:
    """The config and its parts (that of a vision tower, of a text model)."""
    parts = [getattr(config, name) for name in config.sub_configs]
    return [config, *(inner for part in parts if part is not None for inner in _configs(part))]


def flat_forward(
    module: Any, ids_N: Tensor, position_N: Tensor, attention_fn: AttentionFn
) -> Tensor:
    """[N, D] the hidden states of flat tokens that see each other as `attention_fn` says."""
    with use_attention(module):
        return module.base_model(
            input_ids=ids_N[None],
            position_ids=position_N[None],
            use_cache=False,
            attention_fn=attention_fn,
        ).last_hidden_state[0]


@torch.no_grad()
def supports(module: Any) -> bool:
    """True if one forward pass calls the function once in every layer, with the arguments that we
    passed.

    This is a probe, not a list of names: some models drop the keyword, or have layers without
    attention.
    """
    seen: list[int] = []

    def probe(
        layer: int, query_NHD: Tensor, key_NGD: Tensor, value_NGD: Tensor, params: AttentionParams
    ) -> Tensor:
        seen.append(layer)
        return query_NHD

    ids_N = torch.tensor([1, 2, 3], device=module.device)
    try:
        flat_forward(module, ids_N, ids_N - 1, probe)
        layers = module.config.get_text_config().num_hidden_layers
    except (TypeError, ValueError, RuntimeError, AttributeError, LookupError):
        return False
    return seen == list(range(layers))
