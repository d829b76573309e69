"""Words of a sentence that turn the number after them into another answer, or none."""

import re

_LINKS = r"(?:\s+(?:be|been|equal|equals|to|the|a|an|just|only|exactly|simply|of)\b)*"
_NEGATED = re.compile(
    rf"(?:\b(?:not|cannot|never|minus|neg|negative|except|any\w* (?:\w+ )?but|unlikely to be"
    rf"|eliminate|exclude|discard|reject|rule out"
    rf"|rather than|instead of)\b\.?{_LINKS}|n['’]t\b{_LINKS}"
    r"|\b(?:false|impossible|wrong|untrue|(?<!no )(?<!without )(?<!without a )doubt) that\b"
    r"[^.,;:\n]{0,40}"
    r"|\bwrong answer (?:is|was|would be)"
    r"|不是|不等于|不为|不可能是|除了|[负負零][的数數下])[\s:}]*\Z",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"(?:\b(?:at least|at most|up to|(?:less|more|greater|fewer|other|larger|smaller) than)"
    r"|[大小多少]于|至[少多]|超过)[\s:}]*\Z",
    re.IGNORECASE,
)
_REACHED = re.compile(
    r"\b(?:can|could|must|needs?|requires?|have to|has to|will|takes?)\b[^.\n]{0,50}"
    r"at (?:most|least)\s*\Z",
    re.IGNORECASE,
)
"""Pattern of the answer to a question for the most or the least: he can buy at most 12."""
_PARTS = (
    r"hal(?:f|ves)|thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?"
    r"|per ?cent|multiples?|out"
)
_FUNCTIONS = (
    r"roots?|squared?|cubed?|reciprocal|inverse|opposite|negation|logarithm|log|factorial|sine"
    r"|cosine|tangent|double|triple|powers?|complement|divisors?|factors?|digit sum"
)
_COMPUTED = re.compile(
    r"(?:\b(?:twice|thrice|double|triple|half|plus|(?<!\\)times(?: as \w+ as)?|root|mod|modulo"
    r"|in base|divided by|multiplied by|added to|subtracted from|raised to|through|logarithm"
    rf"|factorial|(?:{_PARTS}|{_FUNCTIONS})\s+of(?:\s+the)?)"
    r"|[0-9]+(?:\\?%|/[0-9]+|\})\$?\s+of|%\s*的|分之[一二三四五六七八九十百0-9]+的"
    r"|[0-9和差积商]\s*[加减乘除比][以去]?|\bbetween\s+\S{1,20}\s+and|\bany\w*\s+from\s+\S{1,20}\s+to|[0-9]\s*[~～至到]|分之|第|根号"
    r")[\s}]*\Z",
    re.IGNORECASE,
)


def changes_what_follows(text: str) -> bool:
    """Tell whether a text ends with words that turn the number after them into another one, or
    none: "not", "is not equal to", "more than", "the square root of", 三分之."""
    near = text[-80:]
    if _BOUND.search(near):
        return not _REACHED.search(near)
    return any(words.search(near) for words in (_NEGATED, _COMPUTED))
