"""Numbers in plain text.

ASCII digits, commas in threes or none, a decimal point, an exponent of at most three digits, or a
fraction in lowest terms; before it at most one sign (U+2212 is a minus too), after it possibly a
full stop. "12.", "1e5", "007" and "1,234.50" are numbers; "13=12", "1+2", "12,12", "206/2",
"10_{2}", "--5" and full-width digits are none.
"""

import re
from fractions import Fraction
from math import gcd

MAX_NUMBER = 120
"""Most characters of a number; a longer one is not read."""
SIGNS = "-+−"
"""Signs that a number may have."""

_WHOLE = r"(?:[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?)(?:(?P<over>{_WHOLE})/(?P<under>{_WHOLE})"
    rf"|(?P<decimal>(?:{_WHOLE}(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]{{1,3}})?))"
)
_GROUPED = re.compile(r"(?<=[0-9])(?:\{,\}|,\\!|\\,)(?=[0-9]{3}(?![0-9]))")


def number(text: str) -> Fraction | None:
    """The exact value of a text that is a number and nothing else, or None."""
    text = text.strip()
    if len(text) > MAX_NUMBER:
        return None
    found = _NUMBER.fullmatch(text.removesuffix(".").replace("−", "-"))
    if not found:
        return None
    sign = -1 if found["sign"] == "-" else 1
    if found["decimal"]:
        return sign * Fraction(found["decimal"].replace(",", ""))
    over, under = (int(found[side].replace(",", "")) for side in ("over", "under"))
    return sign * Fraction(over, under) if under > 1 and gcd(over, under) == 1 else None


def with_commas(text: str) -> str:
    r"""A text in which LaTeX's spellings of thousands, 10{,}080 and 10,\!080, have plain commas."""
    return _GROUPED.sub(",", text)
