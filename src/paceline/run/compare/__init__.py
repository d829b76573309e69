"""Comparisons of algorithms, or of any setting, over seeds: made, resumed, measured and shown."""

from .compare import compare
from .page import write_page
from .record import Comparison, held, renew

__all__ = ["Comparison", "compare", "held", "renew", "write_page"]
