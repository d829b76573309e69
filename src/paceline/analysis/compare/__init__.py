"""Comparisons of algorithms, or of any setting, over seeds: made, resumed, measured and shown."""

from .compare import compare, name_of_comparison
from .comparison import Comparison, held, renew
from .page import write_page

__all__ = ["Comparison", "compare", "held", "name_of_comparison", "renew", "write_page"]
