"""What is written in more ways than one: signs for a minus, wide letters, commands for words; and
words that make another answer of the number behind them."""

import re

DASHES = "-−–‐‑‒－﹣⁻˗﹘➖\u00ad─━ー"
"""What is typed for a minus."""
FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord("。"): ".",
    ord("\u3000"): " ",
}
"""The letters, digits and signs of Chinese and Japanese text that ASCII has too, for
`str.translate`."""
WORD_COMMANDS = (
    "text", "textrm", "textbf", "textit", "textnormal", "textsf", "texttt", "mbox", "hbox",
    "mathrm", "mathsf", "operatorname", "emph",
)  # fmt: skip
"""LaTeX commands whose argument is words."""
STYLE_COMMANDS = ("mathbf", "mathit", "boldsymbol", "bm", "underline")
"""LaTeX commands that say how their argument looks."""

_LINKS = r"(?:\s+(?:be|been|equal|equals|to|the|a|an|just|only|exactly|simply|of)\b)*"
_NEGATED = re.compile(
    rf"(?:\b(?:not|cannot|never|minus|neg\.?|negative|except)\b{_LINKS}|n['’]t\b{_LINKS}"
    r"|不是|不等于|不为|[负負零][的数數下])[\s:}]*\Z",
    re.IGNORECASE,
)
_BOUNDED = re.compile(
    r"(?:\b(?:at least|at most|up to|(?:less|more|greater|fewer|other|larger|smaller) than)"
    r"|[大小多少]于|至[少多]|超过)[\s:}]*\Z",
    re.IGNORECASE,
)
_COMPUTED = re.compile(
    r"(?:\b(?:twice|thrice|double|triple|half|plus|times|root|mod|modulo|in base|divided by"
    r"|multiplied by|logarithm|factorial|neg\."
    r"|(?:roots?|squared?|cubed?|reciprocal|inverse|opposite|negation|logarithm|log|factorial|sine"
    r"|cosine|tangent|double|triple|half|third|quarter|multiples?|powers?|complement|divisors?"
    r"|factors?)\s+of(?:\s+the)?)"
    r"|分之|第|根号)[\s}]*\Z",
    re.IGNORECASE,
)


def changes_what_follows(text: str) -> bool:
    """Whether a text ends with words that make the number behind them another one, or none: "not",
    "is not equal to", "more than", "the square root of", 三分之."""
    near = text[-60:]
    return any(words.search(near) for words in (_NEGATED, _BOUNDED, _COMPUTED))


def denies(words: str) -> bool:
    """Whether words say that something is not so: "not", "twice", "at least"."""
    return changes_what_follows(words.strip())
