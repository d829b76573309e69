"""Weights in 4 or 8 bits under adapters, by bitsandbytes (extra `quant`): a base model in a quarter
or half of its memory.

nf4 is the 4-bit format of QLoRA (arXiv 2305.14314), its scales quantised once more; int8 has a
scale for each row (LLM.int8, arXiv 2208.07339). A weight is brought back to the model's dtype for a
product and forgotten, so that trainer, engine and export compute with the same numbers.

Only this file imports bitsandbytes.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..settings import Quantisation

BYTES = {"nf4": 0.5 + 1 / 64 + 4 / (64 * 256), "int8": 1.0}
"""Bytes of a weight: nf4 has a scale of a byte for each 64, and one in fp32 for 256 of these. The
scale of a row of int8 is left out."""


def bitsandbytes(why: str = "model.quantisation") -> Any:
    """The library. Raises: ConfigError if it is not installed, or does not work here."""
    try:
        with _quiet():
            import bitsandbytes as library
    except Exception as error:  # without its compiled part it raises what that raises
        raise ConfigError(
            f"{why} needs bitsandbytes, which cannot be imported ({error}); install it with "
            "`pip install bitsandbytes accelerate`."
        ) from None
    return library


@contextmanager
def _quiet() -> Iterator[None]:
    """A context without remarks on kernels that are not used here."""
    logger = logging.getLogger("bitsandbytes")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def loading(kind: Quantisation, dtype: torch.dtype, device: torch.device | str) -> dict[str, Any]:
    """Arguments with which transformers loads a model in this form, layer by layer: never whole in
    16 bits."""
    if kind == "none":
        return {}
    bitsandbytes()
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(load_in_8bit=True)
    if kind == "nf4":
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    return {"quantization_config": config, "device_map": {"": str(device)}}


def quantise(module: Any, kind: Quantisation) -> None:
    """Quantise the linear layers of a model that is in memory, all but the output layer."""
    if kind == "none":
        return
    library = bitsandbytes()
    head = module.get_output_embeddings()
    for name, layer in list(module.named_modules()):
        if type(layer) is not nn.Linear or layer is head:
            continue
        numbers = layer.weight.detach()
        if kind == "nf4":
            weight = library.nn.Params4bit(
                numbers, requires_grad=False, quant_type="nf4", compress_statistics=True
            ).to(numbers.device)
            weight = weight if weight.bnb_quantized else weight._quantize(numbers.device)
        else:
            codes, scales, _ = library.functional.int8_vectorwise_quant(numbers.half())
            weight = library.nn.Int8Params(
                codes, requires_grad=False, has_fp16_weights=False, CB=codes, SCB=scales
            )
        module.set_submodule(name, QuantisedLinear(layer, weight, numbers.dtype))


class QuantisedLinear(nn.Linear):
    """A frozen linear layer whose weight is kept in few bits.

    Attributes:
        weight: bitsandbytes' own parameter, with its scales.
        dtype: the dtype of its numbers.
    """

    def __init__(self, layer: nn.Linear, weight: nn.Parameter, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)  # not Linear's, which would make a weight
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias, self.dtype = weight, layer.bias, dtype

    def forward(self, input: Tensor) -> Tensor:
        return FrozenProduct.apply(input, self)  # type: ignore[no-any-return]


class FrozenProduct(torch.autograd.Function):
    """A product with a frozen weight, which is made from its codes in both passes and kept in
    neither."""

    @staticmethod
    def forward(ctx, input: Tensor, layer: nn.Linear):  # type: ignore[override]
        ctx.layer, ctx.dtype = layer, input.dtype
        return nn.functional.linear(input, dense(layer.weight, input.dtype), layer.bias)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        return grad @ dense(ctx.layer.weight, ctx.dtype), None


@torch.no_grad()
def dense(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """A weight as numbers: itself if it is not quantised."""
    if weight.is_floating_point():
        return weight
    functional = bitsandbytes().functional
    if scales := getattr(weight, "quant_state", None):
        return functional.dequantize_4bit(weight.data, scales).to(dtype)
    return functional.int8_vectorwise_dequant(weight.data, weight.SCB).to(dtype)  # type: ignore[attr-defined]


def parts(weight: Tensor) -> dict[str, Tensor]:
    """All numbers that a quantised weight is made of: its codes, their scales, and for nf4 the
    scales of these (`again`) and what was taken from them before (`offset`). Empty for a weight
    that is not quantised."""
    if weight.is_floating_point():
        return {}
    state = getattr(weight, "quant_state", None)
    if state is None:
        return {"codes": weight.data, "scales": weight.SCB}  # type: ignore[attr-defined]
    again = {} if state.state2 is None else {"again": state.state2.absmax, "offset": state.offset}
    return {"codes": weight.data, "scales": state.absmax, **again}


def take_over(module: Any) -> Quantisation:
    """Let our layers hold the quantised weights of a model that transformers loaded, and forget
    that it is quantised: it is saved as numbers.

    Returns: the form of its weights.

    Raises: ConfigError for a model that another library quantised.
    """
    config = getattr(module.config, "quantization_config", None)
    if config is None:
        return "none"
    method = str(getattr(config, "quant_method", "unknown")).rpartition(".")[2].lower()
    if "bits" not in method and "bnb" not in method:
        raise ConfigError(
            f"The model is quantised by {method}, on which no adapters are trained here; take it "
            "in 16 bits, with model.quantisation=nf4 for a quarter of its memory."
        )
    library, dtype = bitsandbytes(), module.get_output_embeddings().weight.dtype
    kinds = (library.nn.Linear4bit, library.nn.Linear8bitLt)
    for name, layer in list(module.named_modules()):
        if isinstance(layer, kinds):
            module.set_submodule(name, QuantisedLinear(layer, layer.weight, dtype))
    del module.config.quantization_config
    module.hf_quantizer, module.is_quantized = None, False
    for flag in ("is_loaded_in_4bit", "is_loaded_in_8bit", "quantization_method"):
        vars(module).pop(flag, None)
    return "nf4" if config.load_in_4bit else "int8"
