"""Engines turn prompts into completions."""

from ..settings import Sampling
from .engine import Engine, Request
from .local import LocalEngine
from .make import ENGINES, make_engine
from .scripted import ScriptedEngine

__all__ = [
    "ENGINES",
    "Engine",
    "LocalEngine",
    "Request",
    "Sampling",
    "ScriptedEngine",
    "make_engine",
]
