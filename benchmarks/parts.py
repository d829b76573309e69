"""The parts of a step by themselves, each computed in two or three ways, alternately; medians.

    python benchmarks/parts.py
    python benchmarks/parts.py --only attention head --json parts.json

Where paceline chooses a way by size, this is what the choice rests on. Shapes are those of
SmolLM2-135M: 9 query heads on 3 key heads of 64, hidden size 576, 49,152 words. The attention parts
are about the kernels for CPUs.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from paceline.engine.local import decode_step, sampling
from paceline.layout import Packed, TokenRows
from paceline.model import decode_weights, head
from paceline.model.allocator import keep_freed_memory
from paceline.model.attention import AttentionParams, PackedAttention, kernels
from paceline.model.logits import LogitTransform
from paceline.model.lora import LoraLinear
from paceline.settings import OptimizerConfig
from paceline.training.adamw import AdamW

HEADS, SHARED, SIZE, HIDDEN, INNER, WORDS = 9, 3, 64, 576, 1536, 49152
SCALE = SIZE**-0.5

Ways = dict[str, Callable[[], Any]]
"""Of computing one thing, by name."""


def attention() -> Iterator[tuple[str, Ways]]:
    """The backward pass of a block (causal) or of a crossing: sequences × queries × keys."""
    for b, queries, keys, causal in (
        (64, 13, 13, True),
        (64, 44, 44, True),
        (8, 60, 60, True),
        (32, 128, 128, True),
        (32, 250, 250, True),
        (16, 400, 400, True),
        (2, 1000, 1000, True),
        (1, 344, 60, False),
        (1, 2000, 150, False),
        (1, 3200, 1000, False),
    ):
        query, grad = heads(b, queries, HEADS), heads(b, queries, HEADS)
        key, value = heads(b, keys, SHARED), heads(b, keys, SHARED)
        out, lse = kernels.forward(query, key, value, causal=causal, scale=SCALE)
        given = (grad, query, key, value, out, lse)

        def way(
            short: int, medium: int, given: tuple[Tensor, ...] = given, causal: bool = causal
        ) -> Callable[[], Any]:
            def run() -> Any:
                kernels.SHORT_KEYS, kernels.MEDIUM_KEYS = short, medium
                return kernels.backward(*given, causal=causal, scale=SCALE)  # type: ignore[misc]

            return run

        sort = "block" if causal else "crossing"
        yield (
            f"attention backward, {sort} {b} × {queries} × {keys}",
            {
                "products": way(1 << 30, 1 << 30),
                "kernel fp32": way(0, 1 << 30),
                "kernel bf16": way(0, 0),
            },
        )


def decoding() -> Iterator[tuple[str, Ways]]:
    """A decode step's attention to rows' own tokens and to prompts: sequences × queries × keys."""
    for name, b, queries, keys in (
        ("own", 64, 3, 13),
        ("own", 64, 3, 200),
        ("own", 32, 3, 400),
        ("prompt", 8, 24, 40),
        ("prompt", 2, 48, 1000),
    ):
        query, key, value = (random(b, SHARED, n, SIZE) for n in (queries, keys, keys))
        mask = decode_step._mask(torch.arange(b) % keys + 1, keys)

        given = (query, key, value, mask)

        def plain(given: tuple[Tensor, ...] = given) -> Any:
            q, k, v, m = given
            scores = (q @ k.mT).float() * SCALE + m
            lse = scores.logsumexp(-1)
            return (scores - lse[..., None]).exp().to(v.dtype) @ v, lse

        def kernel(given: tuple[Tensor, ...] = given) -> Any:
            q, k, v, m = given
            return decode_step.attend_part(q, k, v, m, AttentionParams(SCALE))

        yield (
            f"decode attention, {name} {b} × {queries} × {keys}",
            {
                "products": plain,
                "kernel": kernel,
            },
        )


def beginnings() -> Iterator[tuple[str, Ways]]:
    """One layer's attention, forward and backward, of eight groups whose prompts begin alike."""
    for prompt, shared, tokens in ((38, 29, 13), (60, 45, 44)):
        completions = tuple((1,) * (tokens + 1) for _ in range(64))
        alike = TokenRows(
            tuple((0,) * shared + (1 + i // 8,) * (prompt - shared) for i in range(64)), completions
        )
        apart = TokenRows(tuple((1 + i // 8,) * prompt for i in range(64)), completions)

        def way(rows: TokenRows) -> Callable[[], Any]:
            packed = Packed.of(rows)
            attend = PackedAttention(packed)
            count = len(packed.ids_N)
            query, key, value = (
                random(count, n, SIZE).requires_grad_() for n in (HEADS, SHARED, SHARED)
            )
            pull = random(count, HEADS, SIZE)

            def run() -> Any:
                out = attend(0, query, key, value, AttentionParams(SCALE))
                return torch.autograd.grad(out, (query, key, value), pull)

            return run

        yield (
            f"attention of 8 × 8 completions of {tokens}, {shared} of {prompt} alike",
            {
                "laid out once": way(alike),
                "each": way(apart),
            },
        )


def products() -> Iterator[tuple[str, Ways]]:
    """A linear layer: weights brought into the processor's layout for every product, or once."""
    for rows in (8, 64, 2048):
        layer, x = nn.Linear(HIDDEN, INNER, bias=False).bfloat16(), random(rows, HIDDEN)
        packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), rows)
        yield (
            f"linear {HIDDEN} → {INNER}, {rows} rows",
            {
                "packed once": lambda p=packed, x=x: decode_weights.onednn_product(x, p, None),
                "every time": lambda layer=layer, x=x: layer(x),
            },
        )


def output_layer() -> Iterator[tuple[str, Ways]]:
    """Scores and all gradients of the head: tokens in a product × tokens in a softmax."""
    weights = head.Weights(random(WORDS, HIDDEN), None)
    for tokens in (800, 3000):
        hidden, targets = random(tokens, HIDDEN), torch.arange(tokens) % WORDS

        def slope(where: slice, logp: Tensor, entropy: Tensor) -> tuple[Tensor, None]:
            return torch.ones_like(logp), None

        def way(block: int, chunk: int, h: Tensor = hidden, t: Tensor = targets) -> Any:
            sizes = head.Sizes(block, chunk)
            return lambda: head._scores_and_gradients(
                h, weights, t, LogitTransform(), sizes, slope, (True, True, False)
            )

        yield (
            f"output layer, {tokens} tokens",
            {
                f"{block} × {chunk}": way(block, chunk)
                for block, chunk in ((682, 42), (682, 682), (341, 42), (85, 85))
            },
        )


def adapters() -> Iterator[tuple[str, Ways]]:
    """A layer with an adapter of rank 16: merged for the product, or two products; and merging."""
    for rows in (64, 2048):
        layer = nn.Linear(HIDDEN, INNER, bias=False).bfloat16()
        made, x = LoraLinear(layer, 16, 2.0).bfloat16(), random(rows, HIDDEN)

        def way(merges: bool, made: LoraLinear = made, x: Tensor = x) -> Callable[[], Any]:
            def run() -> Any:
                made.merges = merges
                return made(x)

            return run

        yield (
            f"adapted layer {HIDDEN} → {INNER}, {rows} rows",
            {
                "merged": way(True),
                "two products": way(False),
                "without adapter": lambda layer=layer, x=x: layer(x),
            },
        )


def optimizers() -> Iterator[tuple[str, Ways]]:
    """A step of AdamW on four layers: moments in fp32, or in 8 bits."""
    ways: Ways = {}
    for moments in ("fp32", "8bit"):
        masters = [torch.randn(INNER, HIDDEN) for _ in range(4)]
        for master in masters:
            master.grad = torch.randn_like(master)
        adamw = AdamW(masters, OptimizerConfig(moments=moments))
        ways[f"moments in {moments}"] = lambda adamw=adamw: adamw.step(1e-5)
    yield f"AdamW, {4 * INNER * HIDDEN:,} numbers", ways


def drawing() -> Iterator[tuple[str, Ways]]:
    """A token for each of 64 rows: stretches of the vocabulary, or one running sum over it."""
    mass, uniform = torch.randn(64, WORDS).exp(), torch.rand(64)

    def running() -> Tensor:
        before = mass.cumsum(-1)
        return torch.searchsorted(before, uniform[:, None] * before[:, -1:], right=True)

    yield (
        f"drawing, 64 × {WORDS}",
        {
            "stretches": lambda: sampling._inverse_cdf(mass, uniform),
            "running sum": running,
        },
    )


PARTS = {
    part.__name__: part
    for part in (
        attention,
        decoding,
        beginnings,
        products,
        output_layer,
        adapters,
        optimizers,
        drawing,
    )
}


def random(*shape: int) -> Tensor:
    return torch.randn(*shape).bfloat16()


def heads(b: int, tokens: int, count: int) -> Tensor:
    """[b, count, tokens, SIZE] strided as the model hands it over: tokens before heads."""
    return random(b, tokens, count, SIZE).transpose(1, 2)


def medians(ways: Ways, repeat: int) -> dict[str, float]:
    """Milliseconds, each way in its turn; a run is as many calls as fill a fiftieth of a second."""
    calls, taken = {}, {name: [] for name in ways}
    for name, way in ways.items():
        seconds(way, 1)
        calls[name] = max(1, int(0.02 / seconds(way, 1)))
    for _ in range(repeat):
        for name, way in ways.items():
            taken[name].append(1e3 * seconds(way, calls[name]) / calls[name])
    return {name: statistics.median(found) for name, found in taken.items()}


def seconds(way: Callable[[], Any], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        way()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--repeat", type=int, default=7, help="runs of each way")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    found: dict[str, dict[str, float]] = {}
    for part in args.only:
        for name, ways in PARTS[part]():
            found[name] = medians(ways, args.repeat)
            told = "   ".join(f"{way} {ms:.3g} ms" for way, ms in found[name].items())
            print(f"{name:58} {told}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
