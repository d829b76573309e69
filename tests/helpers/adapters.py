"""Policies with adapters, small and quickly made."""

import torch

from paceline import rng
from paceline.model import Policy, load_policy, load_tokenizer, resolve
from paceline.model.lora import lora_layers
from paceline.settings import LoraConfig


def adapted_policy(
    dtype: torch.dtype = torch.float32, lora: LoraConfig | None = None, *, seed=0, source="tiny",
    device="cpu",
) -> Policy:  # fmt: skip
    """The tiny model with new adapters: B is 0, and the model unchanged."""
    found = resolve(str(source))
    lora = lora or LoraConfig(rank=4)
    tokenizer = load_tokenizer(found)
    return load_policy(found, tokenizer, dtype=dtype, device=device, seed=seed, lora=lora)


@torch.no_grad()
def fill(policy: Policy, spread: float = 0.05, seed: int = 1) -> Policy:
    """Let every B be as if the policy had learned: the model is another one then."""
    for name, parameter in policy.trained().items():
        if name.endswith("lora_B"):
            drawn = rng.normals(rng.key(seed, "fill", name), parameter.numel())
            exact = policy.exact_parameters()[name]
            exact.copy_(torch.from_numpy(spread * drawn).view_as(exact))
            parameter.copy_(exact)
    return policy


def merged_weights(policy: Policy) -> dict[str, torch.Tensor]:
    """The merged weight of each adapted layer, by name."""
    return {name: layer.merged() for name, layer in lora_layers(policy.module).items()}
