"""Checks for models that cannot be trained here, made when they are loaded.

A policy must give the probabilities that the model itself gives, independent of the other rows of a
batch, and must sample from the same ones.
"""

import torch

from ..errors import ConfigError
from ..layout import TokenRows
from .policy import Policy
from .source import Source
from .trainable import Trainable

CHANGING_ROPE = ("dynamic", "longrope")
"""Rotary embeddings whose angles change with the longest row: a token's probability would depend on
the other rows."""
EXPERT_KEYS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
"""Keys in transformers' configs for the number of experts of a mixture."""
PROBED = ("What is 2 plus 3? It is", "Once upon a time")
"""Texts behind which a model is asked for the probabilities of a few tokens."""
LESS_LIKELY = 5
"""Rank of the last of these tokens."""


def refuse_experts(module: torch.nn.Module, source: Source) -> None:
    """Refuse mixtures of experts: a router is trained by a balancing loss that no objective here
    has, and sends a token to other experts if engine and trainer round differently."""
    settings = module.config.get_text_config().to_dict()  # type: ignore[operator,union-attr]
    if any((settings.get(name) or 0) > 1 for name in EXPERT_KEYS):
        raise ConfigError(
            f"'{source.name}' ({type(module).__name__}) is a mixture of experts, which is not "
            "supported; use a dense model."
        )


def check_finite(model: Trainable, source: Source) -> None:
    """Refuse fp16 for a model that has numbers which fp16 has not."""
    if model.dtype != torch.float16:
        return
    for name, parameter in model.module.named_parameters():
        if parameter.is_floating_point() and not parameter.isfinite().all():
            raise ConfigError(_beyond_fp16(source, f"weights ({name})"))


def _beyond_fp16(source: Source, what: str) -> str:
    return (
        f"'{source.name}' has {what} above 65,504, the largest number of fp16; set "
        "model.dtype=bf16, or fp32 where the hardware has no bf16."
    )


@torch.no_grad()
def check_scores(policy: Policy, source: Source) -> None:
    """Refuse a model that our way of scoring does not fit: a prompt computed once, its completions
    after it in the model's layout, and logits from the output layer as `LogitTransform` knows them.

    Otherwise engine and trainer would agree on a distribution that is not the model's.
    """
    kind = type(policy.module).__name__
    refuse_changing_rope(policy.module, source)
    prompts = _texts(policy)
    answers = [_answer(policy, prompt, n) for prompt, n in zip(prompts, (2, 3), strict=True)]
    rows = TokenRows(prompts, tuple(completion for completion, _ in answers))
    ours_BT = policy.score(rows, 1.0).logp_BT
    if policy.dtype == torch.float16 and not ours_BT.isfinite().all():
        raise ConfigError(_beyond_fp16(source, "values between its layers"))
    for ours_T, (completion, theirs) in zip(ours_BT.tolist(), answers, strict=True):
        ours = torch.tensor(ours_T[: len(completion)])
        # bf16 rounds the two ways of computing differently; a wrong scale or mask is far larger.
        if not torch.allclose(ours, torch.tensor(theirs), rtol=0.05, atol=0.25):
            raise ConfigError(
                f"'{source.name}' ({kind}) computes completions behind a shared prompt, or its "
                "logits, in a way that is not known here; use another model family."
            )


def _texts(model: Trainable) -> tuple[tuple[int, ...], ...]:
    """Tokens of two texts such as a model has seen. Of what it never sees a model that was trained
    on one thing alone has states that rounding changes beyond recognition."""
    found = []
    for text in PROBED:
        ids = tuple(model.tokenizer(text, add_special_tokens=False)["input_ids"])
        found.append(ids if len(ids) > 3 else (5, 6, 7, 8))  # a tokenizer of other letters
    return tuple(found)


def _answer(policy: Policy, prompt: tuple[int, ...], n: int) -> tuple[tuple[int, ...], list[float]]:
    """A completion of n tokens and their log-probabilities by the model's own way of computing: the
    likeliest token each time, and a less likely one last, which shows a scale of the logits."""
    ids, logp = list(prompt), []
    for place in range(1, n + 1):
        given = torch.tensor([ids], device=policy.device)
        logp_V = policy.module(given).logits[0, -1].float().log_softmax(-1)
        chosen = int(logp_V.topk(LESS_LIKELY if place == n else 1).indices[-1])
        ids.append(chosen)
        logp.append(logp_V[chosen].item())
    return tuple(ids[len(prompt) :]), logp


@torch.no_grad()
def check_states(model: Trainable, source: Source) -> None:
    """Refuse a model that our way of computing states does not fit: a prompt once, its completions
    after it in the model's layout."""
    prompts, completions = zip(*((ids[:-3], ids[-3:]) for ids in _texts(model)), strict=True)
    rows = TokenRows(prompts, completions)
    ours_MD, theirs = model.states(rows).float(), []
    for prompt, completion in zip(rows.prompts, rows.completions, strict=True):
        ids = torch.tensor([[*prompt, *completion]], device=model.device)
        theirs.append(model.backbone(ids).last_hidden_state[0, len(prompt) - 1 : -1])
    theirs_MD = torch.cat(theirs).float()
    # bf16 rounds the two ways of computing differently; a wrong scale or mask is far larger.
    if not (ours_MD - theirs_MD).norm() <= 0.2 * theirs_MD.norm():
        raise ConfigError(
            f"'{source.name}' ({type(model.module).__name__}) computes completions behind a shared "
            "prompt in a way that is not known here; use another model family."
        )


def refuse_changing_rope(module: torch.nn.Module, source: Source) -> None:
    rope = getattr(module.config, "rope_parameters", None) or {}
    if {rope.get("rope_type"), *(r.get("rope_type") for r in _nested(rope))} & {*CHANGING_ROPE}:
        raise ConfigError(
            f"'{source.name}' ({type(module).__name__}) scales its rotary embedding by the length "
            "of the batch, so that a token's probability would depend on the rest of the batch; "
            "use another model."
        )


def _nested(rope: dict) -> list[dict]:
    """Rotary settings that a model keeps for each type of layer."""
    return [r for r in rope.values() if isinstance(r, dict)]
