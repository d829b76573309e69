"""Engines: what turns prompts into completions."""

from .engine import Engine, Request, Sampling
from .local import LocalEngine
from .scripted import ScriptedEngine

__all__ = ["Engine", "LocalEngine", "Request", "Sampling", "ScriptedEngine"]
