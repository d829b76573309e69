"""An adapter, read by PEFT on the model that it was made for."""

import peft
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ...model.quantised import loading
from .generate import generated
from .protocol import Answer, Asked


def answers(asked: Asked) -> list[Answer]:
    """The answers of `PeftModel.from_pretrained(base, folder)`."""
    assert asked.base is not None
    dtype, device = getattr(torch, asked.dtype), torch.device(asked.device)
    base = AutoModelForCausalLM.from_pretrained(
        asked.base, dtype=dtype, **loading(asked.quantisation, dtype, device)
    )
    model = peft.PeftModel.from_pretrained(base, asked.path, autocast_adapter_dtype=False)
    if asked.quantisation == "none":
        model = model.to(device)
    return generated(model.eval(), AutoTokenizer.from_pretrained(asked.path), asked)
