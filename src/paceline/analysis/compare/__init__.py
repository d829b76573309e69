"""Comparisons of algorithms, or of any setting, over seeds: made, resumed, measured and shown."""

from .compare import compare
from .comparison import Comparison, held, renew
from .page import write_page

__all__ = ["Comparison", "compare", "held", "renew", "write_page"]
