"""A folder, read by vLLM, as it is served to many."""

import vllm  # pyright: ignore[reportMissingImports]

from .protocol import Answer, Asked


def answers(asked: Asked) -> list[Answer]:
    """The answers of `vllm.LLM(folder).chat(…)`."""
    model = vllm.LLM(asked.path, dtype=asked.dtype, enforce_eager=True)
    sampling = vllm.SamplingParams(temperature=0.0, max_tokens=asked.max_tokens)
    outputs = model.chat([[dict(turn) for turn in one] for one in asked.conversations], sampling)
    return [
        asked.answer(output.prompt_token_ids, output.outputs[0].token_ids, output.outputs[0].text)
        for output in outputs
    ]
