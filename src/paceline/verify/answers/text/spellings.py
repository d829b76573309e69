"""Signs and words that are written in more ways than one: signs for a minus, wide letters, commands
for words."""

DASHES = "-−–‐‑‒－﹣⁻˗﹘➖\u00ad─━ー"
"""Signs that are typed for a minus."""
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
CURRENCIES = ("$", "€", "£", "¥", "￥")
"""Signs that may stand before an amount."""
