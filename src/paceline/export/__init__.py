"""Exports: a trained model in forms that others use, each proved by others' own code."""

from .export import export
from .forms import FORMS, To
from .push import push

__all__ = ["FORMS", "To", "export", "push"]
