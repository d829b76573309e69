"""Packed weights against the layers themselves."""

import torch
from torch import nn

from paceline.model.onednn import onednn_weights


def test_products_are_the_same_and_the_layers_are_given_back():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(32, 48), nn.Linear(48, 16, bias=False)).bfloat16()
    x = torch.randn(7, 32).bfloat16()
    with torch.inference_mode():
        plain = module(x)
        with onednn_weights(module, 7):
            if torch.ops.mkldnn._is_mkldnn_bf16_supported():
                assert all("forward" in vars(m) for m in module)
            packed = module(x)
        torch.testing.assert_close(packed, plain, rtol=0.02, atol=0.02)
        # In fp32 nothing is packed.
        with onednn_weights(module.float(), 7):
            assert all("forward" not in vars(m) for m in module)
    assert all("forward" not in vars(m) for m in module)
