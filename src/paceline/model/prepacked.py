"""Weights laid out for the processor's matrix products while a round is decoded.

oneDNN multiplies bf16 matrices in a blocked layout, and on the CPU brings the weight into it anew
for every product. A decode step has few rows, so that this costs a fifth to a third of it. Here
it is done once for all steps of a round, from the parameters as they are then: what was packed is
never older than the call that decodes with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

_pack = torch.ops.mkldnn._reorder_linear_weight
_product = torch.ops.mkldnn._linear_pointwise


@contextmanager
def prepacked(module: nn.Module, rows: int) -> Iterator[None]:
    """Within it the module's bf16 linear layers on the CPU multiply by packed weights.

    Only for inference: nothing is differentiated, and a change of the parameters is not seen.

    Args:
        rows: about how many rows a product will have.
    """
    layers = [m for m in module.modules() if type(m) is nn.Linear and _fits(m.weight)]
    for layer in layers:
        # The instance's own attribute goes before the class's method.
        vars(layer)["forward"] = partial(_linear, _pack(layer.weight, rows), layer.bias)
    try:
        yield
    finally:
        for layer in layers:
            del vars(layer)["forward"]


def _fits(weight: Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()
    )


def _linear(packed: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    return _product(x, packed, bias, "none", [], "")
