"""math-verify, asked in a worker: importing it takes a second, and its value is not to be trusted
with time. Only `symbolic.py` has it imported, in another process."""

import logging

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify


def compare(answer: str, expected: str) -> bool | None:
    """By math-verify; None where one of them is no expression. Runs in a worker."""
    logging.disable(logging.CRITICAL)
    reads = (LatexExtractionConfig(boxed_match_priority=-1), ExprExtractionConfig())
    parsed = [
        parse(f"${text}$", extraction_config=reads, parsing_timeout=0, fallback_mode="no_fallback")
        for text in (expected, answer)
    ]
    if not all(parsed):
        return None
    theirs, ours = (found[0] for found in parsed)
    # Near is not equal: 1.4142135623730951 is a rational number, and the root of 2 is none.
    if getattr(ours, "is_rational", None) and getattr(theirs, "is_rational", None) is False:
        return False
    return bool(
        verify(
            parsed[0], parsed[1], float_rounding=15, numeric_precision=30, strict=True,
            timeout_seconds=None,
        )
    )  # fmt: skip
