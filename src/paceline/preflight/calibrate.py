"""The speed of this machine with a model: measured on pieces of it with random weights, in about a
second.

The pieces go through the code that trains: so products, attention, norms, small launches and Python
all have their share, and there is no factor for what was forgotten. Three things are left out: the
optimizer's own step, verifiers that are slower than the sampling, and, on a GPU, the capture of
decode steps as graphs. The model is not loaded.

Legend: R rows being decoded, V vocabulary, D hidden size, M scored tokens.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from ..engine import Sampling
from ..engine.local.decode_step import DecodeBatch, DecodeStep
from ..engine.local.kv_cache import FIRST_WIDTH, CacheSize, KVCache, Prefill
from ..engine.local.sampling import sample_token
from ..errors import ConfigError
from ..layout import Packed
from ..model import Policy, Source, head
from ..model.attention import flat_forward
from ..model.decode_weights import DecodeWeights
from ..model.load import blank
from ..model.logits import LogitTransform
from ..model.lora import adapt
from ..model.model_size import ModelSize
from ..model.quantised import quantise
from ..settings import LoraConfig, Quantisation
from .workload import Decoding, Workload

PIECE_VOCABULARY = 64
"""Vocabulary size of the pieces; the output layer is a piece of its own, with the whole
vocabulary."""
LEAST_SECONDS = 0.06
"""Minimum seconds of a measurement, if there is enough work for it."""
TRIES = 4
"""Number of tries of each measurement; the fastest counts. Another program on the machine makes a
try longer, never shorter, and seldom disturbs all of several short ones."""
CACHE_BYTES = 1 << 26
"""Bytes of weights that fit into no processor's cache: decoding is measured with so many layers."""
HEAD_FLOP = 3e10
"""Floating-point operations in the output layer that suffice for a measurement on a CPU."""
CUT_ERRORS = (RuntimeError, ValueError, TypeError, LookupError, AttributeError)
"""Errors that a model may raise when it is cut to a few layers."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Seconds that this machine takes for each kind of work.

    Example: Throughput(forward=1.1e-3, update=2.7e-3, score=2.1e-4, head_gradient=6.8e-4,
        step=0.1, others=0.0)
    """

    forward: float
    """Seconds of one token through all layers."""
    update: float
    """Seconds of one token through all layers and its gradient back."""
    score: float
    """Seconds of one token's probability in the output layer."""
    head_gradient: float
    """Seconds of one token's probability in the output layer, and its gradient."""
    step: float
    """Seconds of a decode step of a round's rows."""
    others: float
    """Share of all processors that other programs used meanwhile: the rates are then those of a
    shared machine."""


def measured(
    source: Source, model_size: ModelSize, work: Workload, dtype: torch.dtype,
    device: torch.device, lora: LoraConfig, quantisation: Quantisation = "none",
) -> Throughput | None:  # fmt: skip
    """Measure this machine on this work; None for a model that cannot be cut into pieces."""
    if not model_size.packed:
        return None
    form: dict[str, Any] = {"dtype": dtype, "device": device, "quantisation": quantisation}
    began, piece = _used(), partial(_piece, source, lora=lora, **form)
    try:
        forward, update = _of_layers(piece, model_size, work)
        table = nn.Linear(1, 1, bias=False, device="meta")
        weight = _noise((model_size.words, model_size.width), dtype, device)
        table.weight = nn.Parameter(weight, requires_grad=not lora.on)
        score, head_gradient = _of_head(table, work.scored)
        step = _of_decoding(piece, table, model_size, work, dtype) if work.decodings else 0.0
    except CUT_ERRORS:
        return None
    wall, own, every = (after - before for after, before in zip(_used(), began, strict=True))
    others = max(0.0, every - own) / (wall * (os.cpu_count() or 1))
    return Throughput(forward, update, score, head_gradient, step, others)


def _used() -> tuple[float, float, float]:
    """Seconds of the clock, of this process, and of all processes."""
    own, every = psutil.Process().cpu_times(), psutil.cpu_times()
    return time.perf_counter(), own.user + own.system, every.user + every.system + every.nice


def _layer_bytes(model_size: ModelSize, dtype: torch.dtype) -> int:
    return (
        (model_size.linear - model_size.words * model_size.width)
        // model_size.layers
        * dtype.itemsize
    )


def _piece(
    source: Source, layers: int, *, dtype: torch.dtype, device: torch.device, lora: LoraConfig,
    quantisation: Quantisation = "none",
) -> Policy:  # fmt: skip
    """The first layers between a small embedding and a small output layer, with random weights."""
    module = blank(source, dtype=dtype, device=device, layers=layers, words=PIECE_VOCABULARY)
    for parameter in module.parameters():
        if parameter.ndim > 1:
            parameter.data.copy_(_noise(parameter.shape, dtype, device))
    quantise(module, quantisation)
    if lora.on:
        _adapt(module, lora)
        for parameter in filter(lambda p: p.requires_grad, module.parameters()):
            parameter.data = _noise(parameter.shape, dtype, device)
    return Policy(module, None, ())


def _adapt(module: Any, lora: LoraConfig) -> None:
    """Give a piece its adapters, and where none of its layers is meant, as if all were: the layers
    that are meant lie further up."""
    try:
        adapt(module, lora)
    except ConfigError:
        adapt(module, replace(lora, layers="all"))


def _noise(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Small random numbers, a short stretch of them over and over, because drawing all takes too
    long."""
    generator = torch.Generator().manual_seed(0)  # nobody else's numbers may depend on this
    stretch = 0.02 * torch.randn(1 << 16, generator=generator).to(device, dtype)
    count = torch.Size(shape).numel()
    return stretch.repeat(-(-count // len(stretch)))[:count].view(*shape)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    started = now()
    work()
    return now() - started


def _of_layers(
    piece: Callable[[int], Policy], model_size: ModelSize, work: Workload
) -> tuple[float, float]:
    """Measure `forward` and `update`, with more and more rows in a pass until it takes long
    enough."""
    layers = min(2, model_size.layers)
    policy, most = piece(layers), work.passes[0]
    count = 1
    _through(policy, work, count, recompute=most.recompute)  # the first is always slow
    while (
        count < most.rows
        and _through(policy, work, count, recompute=most.recompute)[2] < LEAST_SECONDS
    ):
        count = min(most.rows, 2 * count)
    tries = [_through(policy, work, count, recompute=most.recompute) for _ in range(TRIES)]
    per_token = model_size.layers / layers / tries[0][0]
    return min(t[1] for t in tries) * per_token, min(t[2] for t in tries) * per_token


def _through(
    policy: Policy, work: Workload, count: int, *, recompute: bool
) -> tuple[int, float, float]:
    """Tokens of so many rows, and the seconds of a forward pass and of a forward and backward
    pass."""
    some = work.rows.take(range(count))
    prompts = tuple([t % PIECE_VOCABULARY for t in p] for p in some.prompts)
    rows = type(some)(prompts, tuple([t % PIECE_VOCABULARY for t in c] for c in some.completions))
    states: list[Tensor] = []
    forward = _seconds(
        lambda: states.append(policy.states(rows, recompute=recompute)), policy.device
    )
    back = _seconds(lambda: states[0].backward(torch.ones_like(states[0])), policy.device)
    return policy.layout.size(rows), forward, forward + back


def _of_head(table: nn.Linear, scored: int) -> tuple[float, float]:
    """Measure `score` and `head_gradient`."""
    words, width = table.weight.shape
    device, block = table.weight.device, head.Sizes.of(table).block
    most = block if device.type == "cuda" else min(block, int(HEAD_FLOP / (6 * words * width)))

    M = max(1, min(scored, most))
    hidden_MD = _noise((M, width), table.weight.dtype, device).requires_grad_()
    targets_M = torch.zeros(M, dtype=torch.long, device=device)
    with torch.no_grad():
        score = _seconds(
            lambda: head.token_scores(hidden_MD, table, targets_M, LogitTransform()), device
        )
    slope = _seconds(
        lambda: head.fused_loss(hidden_MD, table, targets_M, LogitTransform(), _ones), device
    )
    return score / M, slope / M


def _ones(_: slice, logp_C: Tensor, entropy_C: Tensor) -> tuple[Tensor, None]:
    return torch.ones_like(logp_C), None


@torch.inference_mode()
def _of_decoding(
    piece: Callable[[int], Policy], table: nn.Linear, model_size: ModelSize, work: Workload,
    dtype: torch.dtype,
) -> float:  # fmt: skip
    """Measure a decode step with as many layers as do not fit into the cache together."""
    layers = min(model_size.layers, max(1, -(-CACHE_BYTES // _layer_bytes(model_size, dtype))))
    return _of_step(piece(layers), table, work.decodings[0], model_size.layers / layers)


def _of_step(policy: Policy, table: nn.Linear, decoding: Decoding, share: float) -> float:
    """Measure `step`, in the middle of the completions, with all rows alive.

    Args:
        share: how many times the layers of the piece are in the model.
    """
    device, R, Q = policy.device, decoding.places, decoding.prompts
    cache = KVCache(CacheSize(Q, decoding.longest, R, FIRST_WIDTH))
    prompt = Packed.prompts([[1] * decoding.longest], device)
    # One prompt makes room for all; what stands in the others' places costs the same.
    flat_forward(policy.module, prompt.ids_N, prompt.position_N, Prefill(cache, prompt, 0))
    own = decoding.tokens // 2
    cache.widen(own + 1)
    batch = DecodeBatch.of([own] * R, [decoding.longest] * Q, [row * Q // R for row in range(R)])
    ids_R = torch.ones(R, dtype=torch.long, device=device)
    uniform_R = torch.full((R,), 0.5, device=device)
    hidden_RD = _noise((R, table.weight.shape[1]), table.weight.dtype, device)

    def layers() -> None:
        step = DecodeStep.of(cache, batch)
        flat_forward(policy.module, ids_R, step.position_R, step)

    def words() -> None:
        token_R, _ = sample_token(table(hidden_RD), uniform_R, Sampling(decoding.tokens))
        token_R.tolist()

    both: Any = nn.ModuleList([policy.module, table])
    with DecodeWeights().ready(both, R):
        tries = [share * _seconds(layers, device) + _seconds(words, device) for _ in range(TRIES)]
    return min(tries)
