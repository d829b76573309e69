"""torch, imported at its first use.

A part of an objective computes with tensors but is itself a few numbers: what only names, prints,
compares or stores objectives should not wait a second and more for torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
else:

    class _Torch:
        def __getattr__(self, name: str) -> Any:
            return getattr(importlib.import_module("torch"), name)

    torch = _Torch()

__all__ = ["torch"]
