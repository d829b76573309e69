"""A GGUF file, read by llama.cpp: its server in this process, asked over HTTP on this machine as
any client asks it."""

import json
from typing import Any
from urllib.request import Request, urlopen

import xllamacpp

from .protocol import Answer, Asked

ROOM = 16
"""Tokens of context beyond the prompt and the answer."""


def answers(asked: Asked) -> list[Answer]:
    """The answers of llama.cpp's chat completions."""
    # No turn has more tokens than bytes, its marks among them.
    longest = max(len(json.dumps(one).encode()) for one in asked.conversations)
    server = _server(asked, context=longest + asked.max_tokens + ROOM)
    found = []
    for conversation in asked.conversations:
        turns = [dict(turn) for turn in conversation]
        rendered = _post(server, "/apply-template", {"messages": turns})["prompt"]
        prompt = _post(
            server, "/tokenize", {"content": rendered, "add_special": True, "parse_special": True}
        )["tokens"]
        told = _post(server, "/v1/chat/completions", {
            "messages": turns, "max_tokens": asked.max_tokens, "temperature": 0.0, "top_k": 1,
            "logprobs": True, "top_logprobs": 1, "cache_prompt": False,
        })["choices"][0]  # fmt: skip
        ids = [one["id"] for one in told["logprobs"]["content"]]
        found.append(asked.answer(prompt, ids, told["message"]["content"]))
    return found


def _server(asked: Asked, context: int) -> Any:
    bound: Any = xllamacpp
    given = bound.CommonParams()
    given.model.path = asked.path
    given.n_ctx, given.n_parallel, given.warmup = context, 1, False
    given.n_gpu_layers = 0 if asked.device == "cpu" else given.n_gpu_layers
    return bound.Server(given)


def _post(server: Any, path: str, data: dict[str, Any]) -> Any:
    body = json.dumps(data).encode()
    asking = Request(server.listening_address + path, body, {"Content-Type": "application/json"})
    with urlopen(asking) as answer:
        return json.load(answer)
