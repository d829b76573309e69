"""Packed weights against the layers themselves."""

import torch
from torch import nn

from paceline.model.decode_weights import DecodeWeights
from paceline.model.lora import LoraLinear


def test_products_are_the_same_and_the_layers_are_given_back():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(32, 48), nn.Linear(48, 16, bias=False)).bfloat16()
    x = torch.randn(7, 32).bfloat16()
    with torch.inference_mode():
        plain = module(x)
        with DecodeWeights().ready(module, 7):
            if torch.ops.mkldnn._is_mkldnn_bf16_supported():
                assert all("forward" in vars(m) for m in module)
            packed = module(x)
        torch.testing.assert_close(packed, plain, rtol=0.02, atol=0.02)
        # In fp32 nothing is packed.
        with DecodeWeights().ready(module.float(), 7):
            assert all("forward" not in vars(m) for m in module)
    assert all("forward" not in vars(m) for m in module)


def test_an_adapted_layers_weight_is_merged_once_and_another_time_for_the_next_round():
    weights, x = DecodeWeights(), torch.randn(7, 32)
    module = nn.Sequential(LoraLinear(nn.Linear(32, 48), 4, 2.0))
    with torch.inference_mode():
        for value in (0.0, 0.5):
            nn.init.constant_(module[0].lora_A, 0.25)
            nn.init.constant_(module[0].lora_B, value)
            merged = nn.functional.linear(x, module[0].merged(), module[0].bias)
            with weights.ready(module, 7):
                assert torch.equal(module(x), merged)
                nn.init.constant_(module[0].lora_B, 9.0)  # of no effect on weights that are ready
                assert torch.equal(module(x), merged)
    assert "forward" not in vars(module[0])


def test_merged_weights_that_a_graph_reads_stay_at_their_place():
    weights, layer = DecodeWeights(in_place=True), LoraLinear(nn.Linear(32, 48), 4, 2.0)
    places = set()
    with torch.inference_mode():
        for _ in range(2):
            with weights.ready(layer, 7):
                weight = vars(layer)["forward"].keywords["weight"]
                assert torch.equal(weight, layer.merged())
                places.add(weight.data_ptr())
            nn.init.normal_(layer.lora_B)
    assert len(places) == 1
