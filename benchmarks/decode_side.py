"""One engine's process in `decode.py`: decodes a spec's rounds and writes what it measured.

    python benchmarks/decode_side.py ENGINE spec.json run.json

ENGINE is paceline, transformers or vllm. Every completion has its prescribed length; each engine is
given what it needs to be fast, and keeps the log-probability of each token.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from common import Diary, Forced, Spec, now

Decode = Callable[[Forced], int]
"""Decodes a round; answers how many tokens came."""


def paceline(spec: Spec) -> Decode:
    """Prompts once for a group, rows leave when they are finished."""
    from paceline_side import prescribed_trainer

    from paceline.training.clock import Clock

    sampler, indices = prescribed_trainer(spec).source, iter(range(len(spec.rounds)))

    def decode(round: Forced) -> int:
        drawn = sampler.next_round(next(indices), Clock())
        return sum(drawn.round.lengths)

    return decode


def transformers(spec: Spec) -> Decode:
    """`generate`: one batch of all rows, decoded until the longest has ended."""
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if spec.dtype == "bf16" else torch.float32
    model: Any = AutoModelForCausalLM.from_pretrained(spec.model, dtype=dtype)
    model = model.to(spec.device).eval()

    def decode(round: Forced) -> int:
        rows = [p for p, n in zip(round.prompts, round.lengths, strict=True) for _ in n]
        ids = torch.tensor(rows, device=spec.device)  # all prompts of a shape are equally long
        longest = max(max(lengths) for lengths in round.lengths)
        with torch.inference_mode():
            model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0,
                top_k=0, top_p=1.0, max_new_tokens=longest, min_new_tokens=longest,
                pad_token_id=0, return_dict_in_generate=True, output_logits=False,
            )  # fmt: skip
        return round.sampled

    return decode


def vllm(spec: Spec) -> Decode:
    """Continuous batching over a paged cache, common beginnings computed once."""
    from vllm import LLM, SamplingParams, TokensPrompt  # pyright: ignore[reportMissingImports]

    longest = max(max(map(len, round.prompts)) for round in spec.rounds) + spec.max_tokens
    engine = LLM(
        model=spec.model, dtype="bfloat16" if spec.dtype == "bf16" else "float32",
        max_model_len=longest, enable_prefix_caching=True, seed=0, disable_log_stats=True,
    )  # fmt: skip

    def decode(round: Forced) -> int:
        asked = [
            (TokensPrompt(prompt_token_ids=prompt), length)
            for prompt, lengths in zip(round.prompts, round.lengths, strict=True)
            for length in lengths
        ]
        settings = [
            SamplingParams(temperature=1.0, max_tokens=n, min_tokens=n, ignore_eos=True, logprobs=0)
            for _, n in asked
        ]
        found = engine.generate([prompt for prompt, _ in asked], settings, use_tqdm=False)
        return sum(len(one.outputs[0].token_ids) for one in found)

    return decode


ENGINES = {"paceline": paceline, "transformers": transformers, "vllm": vllm}


def main() -> None:
    engine, spec, out = sys.argv[1], Spec.read(Path(sys.argv[2])), Path(sys.argv[3])
    torch.manual_seed(0)
    decode, device = ENGINES[engine](spec), torch.device(spec.device)
    diary = Diary(device, spec.dtype)
    for round in spec.rounds:
        started = now(device)
        came = decode(round)
        seconds = now(device) - started
        if came != round.sampled:
            raise RuntimeError(f"{came} tokens came, {round.sampled} were prescribed.")
        diary.add({"seconds": seconds, "tokens_per_second": came / seconds})
    diary.write(out)


if __name__ == "__main__":
    main()
