"""Comparisons of algorithms, or of any setting, over seeds: made, resumed, measured and shown."""

from .compare import RunsFailedError, compare
from .page import write_page
from .record import Comparison, renew

__all__ = ["Comparison", "RunsFailedError", "compare", "renew", "write_page"]
