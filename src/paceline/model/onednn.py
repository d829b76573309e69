"""Weights laid out for the processor's matrix products while a round is decoded.

oneDNN multiplies bf16 matrices in a blocked layout, and on the CPU brings the weight into it anew
for every product. A decode step has few rows, so this costs a fifth to a third of the step. Here it
is done once for all steps of a round, from the parameters as they are then: packed weights are
never older than the call that decodes with them. Until the round is decoded it is a second copy of
the weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn


@contextmanager
def onednn_weights(module: nn.Module, rows: int) -> Iterator[None]:
    """A context in which the module's bf16 linear layers on the CPU multiply by packed weights.

    Use it for inference only: nothing is differentiated, and a change of the parameters is not
    seen.

    Args:
        rows: approximate number of rows of a product.
    """
    layers = [m for m in module.modules() if type(m) is nn.Linear and _fits(m.weight)]
    try:
        for layer in layers:
            packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight, rows)
            # The instance's own attribute goes before the class's method.
            vars(layer)["forward"] = partial(_linear, packed, layer.bias)
        yield
    finally:
        for layer in layers:
            vars(layer).pop("forward", None)


def _fits(weight: Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def _linear(packed: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")
