"""Tensors as the bytes of a safetensors file, one after the other, without a copy of them all.

`safetensors.torch.save_file` copies everything first; here a checkpoint is written from the tensors
that training uses, and hashed meanwhile. Reading is done by the library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from ..lazy import torch
from .atomic import Chunk

Tensors = Mapping[str, "torch.Tensor"]
DTYPE_NAMES = {
    "torch.float32": "F32", "torch.bfloat16": "BF16", "torch.float16": "F16",
    "torch.float64": "F64", "torch.int64": "I64", "torch.int32": "I32", "torch.uint8": "U8",
    "torch.bool": "BOOL",
}  # fmt: skip
"""Name of each dtype in the header of a safetensors file."""


def chunks_of(tensors: Tensors) -> Iterator[Chunk]:
    """The bytes of the file: eight of the header's length, the header (JSON), the tensors in order
    (https://github.com/huggingface/safetensors, "Format")."""
    header, end = {}, 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": DTYPE_NAMES[str(tensor.dtype)],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of eight
    yield len(text).to_bytes(8, "little")
    yield text
    for tensor in tensors.values():
        yield bytes_of(tensor)


def bytes_of(tensor: torch.Tensor) -> memoryview:
    """A tensor's bytes: its own memory where it is on the CPU and contiguous."""
    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return flat.numpy().data


def fingerprint(tensors: Tensors) -> str:
    """A hash of names, shapes and values."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(bytes_of(tensor))
    return digest.hexdigest()


def all_finite(tensors: Tensors) -> bool:
    """True if no value is NaN or infinite."""
    # A finite norm proves it at the speed of memory; an overflowing one proves nothing.
    return all(
        bool(tensor.norm().isfinite()) or bool(tensor.isfinite().all())
        for tensor in tensors.values()
        if tensor.is_floating_point()
    )
