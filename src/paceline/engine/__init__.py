"""Engines: what turns prompts into completions."""

from ..settings import Sampling
from .engine import Engine, Request
from .local import LocalEngine
from .scripted import ScriptedEngine

__all__ = ["Engine", "LocalEngine", "Request", "Sampling", "ScriptedEngine"]
