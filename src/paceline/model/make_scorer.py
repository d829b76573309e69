"""Making scorers: a critic from a policy, and critics and reward models from files."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from .. import rng
from ..errors import ConfigError
from ..settings import LoraConfig, Quantisation
from .classifier import classifier_over, keep_first_layers, layers_of_body, plain_head
from .load import is_classifier, load_classifier, load_policy, on_host, settled
from .peft_folder import adapt_as
from .policy import Policy
from .scorer import Critic, Scorer
from .source import Source
from .supported import check_finite, check_states, refuse_experts
from .template import stop_token_ids

Head = Literal["zero", "normal"]
"""Beginning of a head: zero, so that every number is 0 and nothing is biased by it, as a critic
begins; or normal of standard deviation 1/√(D+1), as a reward model does."""
S = TypeVar("S", bound=Scorer)


def critic_of(policy: Policy, layers: int | None = None) -> Critic:
    """A critic with a copy of the policy's body, and a head of 0: every value is 0 at first.

    What learns in the policy is copied, its masters too. Weights under adapters are not: critic and
    policy compute with the same ones, and the critic trains adapters of its own, which begin as the
    policy's are.

    Args:
        layers: number of first layers that the critic has; None for all.

    Raises: ConfigError for a number of layers that the policy does not have, or a family without
        sequence-classification models.
    """
    body, masters = _copied(policy.backbone, layers), None
    if policy.masters is not None or policy.dtype != torch.float32:
        every = _of_the_body(policy.module, policy.exact_parameters())
        exact = {name: every[name].detach() for name, _ in _learning(body)}
        if all(x.device == policy.device for x in exact.values()):
            masters = {n: x.to(torch.float32, copy=True) for n, x in exact.items()}
        else:
            masters = on_host(exact, policy.device)
    return _over(Critic, body, masters, policy.tokenizer, policy.stop_ids)


def load_scorer(
    made: type[S],
    source: Source,
    tokenizer: Any,
    *,
    head: Head,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    layers: int | None = None,
    seed: int = 0,
    lora: LoraConfig | None = None,
    quantisation: Quantisation = "none",
    offload: bool = False,
) -> S:
    """Load a scorer to train: the body of a causal language model with a new head, or a trained
    sequence-classification model, such as a reward model, with the head that it has.

    Args:
        made: `Critic` or `RewardScorer`.
        head: beginning of a new head.
        layers: number of first layers to take; None for all.
        seed: decides the numbers of a normal head, and of new adapters.
        lora, quantisation, offload: as for a policy.

    Raises: ConfigError for files that cannot be read, or a model that cannot be trained.
    """
    if is_classifier(source):
        if quantisation != "none":
            raise ConfigError(
                f"'{source.name}' is a sequence-classification model, which is not quantised here; "
                "set its quantisation to none."
            )
        module = _trained(source, dtype, layers, seed, lora)
        masters = settled(module.base_model, dtype, device, masters=True, offload=offload)
        module.config.dtype = dtype
        stops = stop_token_ids(tokenizer, module.config, None)
        scorer = _scorer(made, module.to(device), masters, tokenizer, stops)
        check_finite(scorer, source)
        check_states(scorer, source)
        return scorer
    policy = load_policy(
        source, tokenizer, dtype=dtype, device=device, seed=seed, lora=lora,
        quantisation=quantisation, offload=offload,
    )  # fmt: skip
    body, masters = policy.backbone, None
    if layers is not None:
        _cut(body, layers)
    if policy.masters is not None:
        exact = _of_the_body(policy.module, policy.masters)
        masters = {name: exact[name] for name, _ in _learning(body)}
    scorer = _over(made, body, masters, tokenizer, policy.stop_ids)
    if head == "normal":
        drawn = normal_head(scorer.head.in_features, seed)
        scorer.restore({**scorer.exact_parameters(), "score.weight": drawn})
    return scorer


def normal_head(width: int, seed: int) -> Tensor:
    """[1, width] the weights of a new head: normal numbers of standard deviation 1/√(width + 1).
    Each is a hash of the seed and its place."""
    drawn = rng.normals(rng.key(seed, "score head"), width) / math.sqrt(width + 1)
    return torch.from_numpy(drawn).float()[None]


def _over(
    made: type[S],
    body: Any,
    masters: Mapping[str, Tensor] | None,
    tokenizer: Any,
    stop_ids: Sequence[int],
) -> S:
    """A scorer over a body, which becomes a part of it.

    Args:
        masters: those of the body, by its own names.
    """
    return _scorer(made, classifier_over(body), masters, tokenizer, stop_ids)


def _scorer(
    made: type[S],
    module: Any,
    masters: Mapping[str, Tensor] | None,
    tokenizer: Any,
    stop_ids: Sequence[int],
) -> S:
    if masters is None:
        return made(module, tokenizer, stop_ids)
    named = {f"{module.base_model_prefix}.{name}": master for name, master in masters.items()}
    # The head's lie where the others do; without others, where it lies itself.
    where = next((m.device for m in masters.values()), module.score.weight.device)
    heads = {f"score.{n}": p.detach().clone() for n, p in module.score.named_parameters()}
    named |= heads if where == module.score.weight.device else on_host(heads, module.device)
    return made(module, tokenizer, stop_ids, masters=named)


def _trained(
    source: Source, dtype: torch.dtype, layers: int | None, seed: int, lora: LoraConfig | None
) -> Any:
    """A trained sequence-classification model whose parameters learn, or adapters in it."""
    adapters = lora if lora is not None and lora.on else None
    own = dtype if adapters else torch.float32
    module, _ = load_classifier(source, dtype=own, device="cpu")
    plain_head(module)
    refuse_experts(module, source)
    if layers is not None:
        _cut(module.base_model, layers)
    module.requires_grad_(True)
    if adapters is not None:
        adapt_as(module.base_model, adapters, seed)
    return module


def _copied(body: Any, layers: int | None) -> Any:
    """A copy of the first layers of a body, with the same frozen weights, not copies of them."""
    memo: dict[int, Any] = {id(p): p for p in body.parameters() if not p.requires_grad}
    if layers is not None:
        _, every = layers_of_body(body)
        memo |= {id(layer): nn.Identity() for layer in every[layers:]}
    made = copy.deepcopy(body, memo)
    if layers is not None:
        _cut(made, layers)
    return made


def _cut(body: Any, layers: int) -> None:
    """Take away all but the first layers of a body."""
    name, every = layers_of_body(body)
    keep_first_layers(body.config.get_text_config(), layers)
    body.set_submodule(name, every[:layers])


def _learning(body: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(n, p) for n, p in body.named_parameters() if p.requires_grad]


def _of_the_body(module: Any, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a model's body, by the body's own names."""
    prefix = f"{module.base_model_prefix}."
    return {n.removeprefix(prefix): x for n, x in tensors.items() if n.startswith(prefix)}
