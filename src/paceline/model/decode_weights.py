"""Weights as a round's decoding reads them: made once for all its steps, from the parameters as
they are then, so that they are never older than the call that decodes with them.

An adapted layer's weight is merged. And oneDNN multiplies bf16 matrices in a blocked layout, into
which it brings a weight anew for every product on a CPU; a decode step has few rows, so this costs
a fifth to a third of the step. Until the round is decoded, either is a second copy of the weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from .lora import LoraLinear


class DecodeWeights:
    """Makes the weights of a module's linear layers ready for decoding, round after round.

    Args:
        in_place: keep the merged weights of adapted layers from round to round and write them anew
            where they are: CUDA graphs read them at their place.
    """

    def __init__(self, *, in_place: bool = False) -> None:
        self.in_place = in_place
        self._kept: dict[LoraLinear, Tensor] = {}

    @contextmanager
    def ready(self, module: nn.Module, rows: int) -> Iterator[None]:
        """A context in which the module's linear layers multiply by weights that are ready.

        Use it for inference only: nothing is differentiated, and a change of the parameters is not
        seen.

        Args:
            rows: approximate number of rows of a product.
        """
        kinds = (nn.Linear, LoraLinear)
        layers = [m for m in module.modules() if isinstance(m, nn.Linear) and type(m) in kinds]
        try:
            for layer in layers:
                self._make_ready(layer, rows)
            yield
        finally:
            for layer in layers:
                vars(layer).pop("forward", None)

    def _make_ready(self, layer: nn.Linear, rows: int) -> None:
        weight, product = layer.weight, nn.functional.linear
        if isinstance(layer, LoraLinear):
            if not layer.merges:
                return  # there is no room for a copy
            weight = self._merged(layer)
        if _fits(weight):
            weight, product = torch.ops.mkldnn._reorder_linear_weight(weight, rows), onednn_product
        elif weight is layer.weight:
            return
        # The instance's own attribute goes before the class's method.
        vars(layer)["forward"] = partial(product, weight=weight, bias=layer.bias)

    def _merged(self, layer: LoraLinear) -> Tensor:
        if not self.in_place:
            return layer.merged()
        if layer not in self._kept:
            shape = layer.out_features, layer.in_features
            self._kept[layer] = layer.lora_A.new_empty(shape)
        return layer.merged(out=self._kept[layer])


def _fits(weight: Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def onednn_product(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A product with a weight that was packed for oneDNN."""
    return torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")
