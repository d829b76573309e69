"""LoRA: adapters of low rank that are trained instead of the weights (arXiv 2106.09685).

A layer's weight is W + scale · B·A, added up in fp32 and rounded once to the model's dtype, in the
trainer, in the engine and in the exported model alike: what is decoded is bit for bit what is
differentiated, and what is exported is what was trained. Others multiply by W and by B·A one after
the other while they train, and merge where they decode; in bf16 the two round differently.

The merged weight is made for a product and forgotten, and the backward pass makes it again: a
gradient of its shape never exists. The layers are our own, for that reason; the files are PEFT's
(`peft_folder.py`). Only where memory has no room for a merged copy to decode with are there two
products, in the trainer and in the engine both.

Legend: N rows of a product, I and O sizes of input and output, R rank.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .. import rng
from ..errors import ConfigError, close
from ..settings import LoraConfig
from .quantised import FrozenProduct, QuantisedLinear, dense

PARTS = ("lora_A", "lora_B")
"""Names of an adapted layer's two parameters."""
Adapter = Mapping[str, Tensor]
"""A and B of all adapted layers, by their parameters' names."""


class LoraLinear(nn.Linear):
    """A linear layer with the weight W + scale · B·A.

    Attributes:
        weight, bias: those of the layer that it takes the place of, under the same names; frozen.
        lora_A: [R, I], lora_B: [O, R] the adapter, which learns; fp32 until it is brought to the
            weight's dtype.
        scale: the factor of B·A.
        merges: False adds B·A·x to each product instead of merging.
        instead: another A and B to compute with for a while, or None.
    """

    def __init__(self, layer: nn.Linear, rank: int, scale: float) -> None:
        nn.Module.__init__(self)  # not Linear's, which would make a weight
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias, self.scale, self.merges = layer.weight, layer.bias, scale, True
        device = layer.weight.device
        self.lora_A = nn.Parameter(torch.zeros(rank, self.in_features, device=device))
        self.lora_B = nn.Parameter(torch.zeros(self.out_features, rank, device=device))
        self.instead: tuple[Tensor, Tensor] | None = None

    @property
    def rank(self) -> int:
        return self.lora_A.shape[0]

    @property
    def adapter(self) -> tuple[Tensor, Tensor]:
        """A and B, or those to compute with instead."""
        return self.instead or (self.lora_A, self.lora_B)

    @torch.no_grad()
    def merged(self, out: Tensor | None = None) -> Tensor:
        """[O, I] the weight with the adapter in it.

        Args:
            out: the memory to write it to; None takes new one.
        """
        A_RI, B_OR = self.adapter
        return torch.addmm(dense(self.weight, A_RI.dtype), B_OR, A_RI, alpha=self.scale, out=out)

    def forward(self, input: Tensor) -> Tensor:
        if self.merges:
            return _Product.apply(input, *self.adapter, self)  # type: ignore[no-any-return]
        A_RI, B_OR = self.adapter
        plain = FrozenProduct.apply(input, self)
        low = nn.functional.linear(nn.functional.linear(input, A_RI), B_OR)
        return torch.add(plain, low, alpha=self.scale)  # type: ignore[call-overload]


class _Product(torch.autograd.Function):
    """A product with the merged weight, with gradients to its input, A and B."""

    @staticmethod
    def forward(ctx, input, A_RI: Tensor, B_OR: Tensor, layer: LoraLinear):  # type: ignore[override]
        ctx.save_for_backward(input, A_RI, B_OR)
        ctx.layer = layer
        return nn.functional.linear(input, layer.merged(), layer.bias)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        input, A_RI, B_OR = ctx.saved_tensors
        x_NI, g_NO = input.flatten(0, -2), grad.flatten(0, -2)
        grad_input = grad @ ctx.layer.merged() if ctx.needs_input_grad[0] else None
        grad_A_RI = ((g_NO @ B_OR).T @ x_NI).mul_(ctx.layer.scale)
        grad_B_OR = (g_NO.T @ (x_NI @ A_RI.T)).mul_(ctx.layer.scale)
        return grad_input, grad_A_RI, grad_B_OR, None


def adaptable(module: Any) -> dict[str, nn.Linear]:
    """The layers that can have an adapter, by name: all linear ones but the output layer.

    Its weight is mostly the embedding's too, from which an adapter would part it.
    """
    head = module.get_output_embeddings()
    return {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and layer is not head
    }


def named_by(module: Any, layers: str) -> list[str]:
    """The names of the layers that the key `lora.layers` means.

    Raises: ConfigError where it names none, or the output layer.
    """
    names = list(adaptable(module))
    if not names:
        raise ConfigError(
            f"{type(module).__name__} has no linear layers for adapters; train all its weights, "
            "with lora.rank=0."
        )
    if layers == "all":
        return names
    pattern, head = re.compile(layers), module.get_output_embeddings()
    others = [name for name, one in module.named_modules() if one is head and pattern.search(name)]
    if others:
        raise ConfigError(
            f"lora.layers is {layers!r}, which names the output layer {others[0]} too; its weight "
            "stays as it is, so write an expression that leaves it out."
        )
    found = [name for name in names if pattern.search(name)]
    if not found:
        kinds = sorted({name.rpartition(".")[2] for name in names})
        meant = close(layers, kinds)
        told = f"did you mean {' or '.join(meant)}? There are " if meant else "there are "
        raise ConfigError(
            f"lora.layers is {layers!r}, which no linear layer of {type(module).__name__} has in "
            f"its name; {told}{', '.join(kinds)}."
        )
    return found


def adapt(module: Any, lora: LoraConfig, names: list[str] | None = None) -> None:
    """Freeze the model, and give linear layers an adapter whose A and B are 0.

    Args:
        lora: rank and scale, and an expression for the layers if no names are given.
        names: the layers that get one, as the model names them.

    Raises: ConfigError for layers that are not there, or a rank above a layer's size.
    """
    module.requires_grad_(False)
    layers = adaptable(module)
    for name in named_by(module, lora.layers) if names is None else names:
        if name not in layers:
            raise ConfigError(
                f"The adapter at '{lora.start}' is for a layer '{name}', which "
                f"{type(module).__name__} does not have; take the model that it was trained on."
            )
        layer, least = layers[name], min(layers[name].in_features, layers[name].out_features)
        if lora.rank > least:
            raise ConfigError(
                f"lora.rank is {lora.rank}, but {name} is a matrix of {layer.out_features} × "
                f"{layer.in_features}, of rank {least} at most; set lora.rank={least} or lower, or "
                "leave the layer out with lora.layers."
            )
        made = LoraLinear(layer, lora.rank, lora.scale)
        made.merges = lora.merge != "no"
        module.set_submodule(name, made)


def lora_layers(module: nn.Module) -> dict[str, LoraLinear]:
    """The adapted layers, by name."""
    return {name: one for name, one in module.named_modules() if isinstance(one, LoraLinear)}


@torch.no_grad()
def draw(module: nn.Module, seed: int) -> None:
    """Begin new adapters: B stays 0, and A is uniform in ±1/√I, so that the model is unchanged and
    the gradient of B is not 0.

    Each number is a hash of the seed, the layer's name and its place.
    """
    for name, layer in lora_layers(module).items():
        drawn = rng.uniforms(rng.key(seed, "adapter", name), layer.lora_A.numel())
        numbers = (2 * drawn - 1) / math.sqrt(layer.in_features)
        layer.lora_A.copy_(torch.from_numpy(numbers).view_as(layer.lora_A))


def adapter_of(module: nn.Module) -> Adapter:
    """The adapter as it is, not a copy."""
    return {
        f"{name}.{part}": getattr(layer, part).detach()
        for name, layer in lora_layers(module).items()
        for part in PARTS
    }


@contextmanager
def adapter_replaced(module: nn.Module, adapter: Adapter) -> Iterator[None]:
    """A context in which the model computes with another adapter. Nothing is differentiated in it,
    and no parameter is changed, so that a checkpoint may be written from them meanwhile."""
    layers = lora_layers(module)
    try:
        for name, layer in layers.items():
            layer.instead = (adapter[f"{name}.lora_A"], adapter[f"{name}.lora_B"])
        yield
    finally:
        for layer in layers.values():
            layer.instead = None


def merged_state(module: nn.Module) -> Mapping[str, Tensor]:
    """The model's `state_dict` as numbers of one dtype: without adapters, which its weights have in
    them, and on the CPU."""
    state = dict(module.state_dict())
    for name, layer in module.named_modules():
        if isinstance(layer, LoraLinear):
            state[f"{name}.weight"] = layer.merged().cpu()
            for part in PARTS:
                del state[f"{name}.{part}"]
        elif isinstance(layer, QuantisedLinear):
            state[f"{name}.weight"] = dense(layer.weight, layer.dtype).cpu()
    return state
