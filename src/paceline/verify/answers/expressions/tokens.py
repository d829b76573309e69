r"""LaTeX and plain text as tokens.

LaTeX is a language of tokens: the second half of `\\ ` is no `\ `, and `\leftarrow` does not begin
with `\left`. So every rule on spellings is applied after this file and none before it. Commands
that only move signs about (`\,`, `\left`, `\displaystyle`) are dropped here; a sign with two names
(`\dfrac` and `\frac`, `×` and `\times`) gets one.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ..text.spellings import DASHES, FULL_WIDTH, WORD_COMMANDS
from ..text.units import plain_unit

MAX_DIGITS = 120
"""Most digits of a number; a longer one is not read."""

Kind = Literal["number", "letter", "command", "sign", "words", "begin", "end"]


class Unread(Exception):
    """A text, or a part of one, is not an expression that is known here."""


@dataclass(frozen=True, slots=True)
class Token:
    r"""One token of an answer.

    Example: Token("command", "frac") for \dfrac, Token("number", "12.50", Fraction(25, 2))
    """

    kind: Kind
    text: str
    """The command without its backslash, the letter, the sign, the words, the number as written."""
    value: Fraction | None = None
    """The value of a number; None for anything else."""
    form: str = ""
    """Form of a number: integer, decimal, recurring; "grouped" for an integer with commas; "plain"
    for a command that was written without its backslash."""


_WIDE = FULL_WIDTH | {ord("、"): ";", ord("｛"): "\\{", ord("｝"): "\\}"}
_WIDE_COMMA = re.compile("，(?![0-9]{3}(?![0-9]))")
"""A wide comma that does not group digits."""
_CHINESE = re.compile("[\u4e00-\u9fff]+")
_TYPED_DASHES = [dash for dash in DASHES if dash not in "-ー"]
_SIGNS = {
    **dict.fromkeys(_TYPED_DASHES, "-"),
    **dict.fromkeys("·⋅∙•∗", "\\cdot "),
    "×": "\\times ", "⁄": "/", "∕": "/", "±": "\\pm ", "∓": "\\mp ",
    "≤": "\\le ", "≥": "\\ge ", "≠": "\\ne ", "≈": "\\approx ", "∈": "\\in ", "∪": "\\cup ",
    "∩": "\\cap ", "∖": "\\setminus ", "∅": "\\emptyset ", "∞": "\\infty ", "°": "^\\circ ",
    "ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℕ": "\\mathbb{N}", "ℚ": "\\mathbb{Q}",
    "ℂ": "\\mathbb{C}", "π": "\\pi ", "α": "\\alpha ", "β": "\\beta ", "γ": "\\gamma ",
    "δ": "\\delta ", "ε": "\\epsilon ", "θ": "\\theta ", "λ": "\\lambda ", "μ": "\\mu ",
    "ρ": "\\rho ", "σ": "\\sigma ", "τ": "\\tau ", "φ": "\\phi ", "ϕ": "\\phi ", "ω": "\\omega ",
    "Δ": "\\Delta ", "Ω": "\\Omega ", "⟨": "\\langle ", "⟩": "\\rangle ", "⌊": "\\lfloor ",
    "⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "∧": "\\wedge ", "∨": "\\vee ",
}  # fmt: skip
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")

_ALIASES = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom",
    "leq": "le", "leqslant": "le", "geq": "ge", "geqslant": "ge", "neq": "ne", "lt": "<",
    "gt": ">", "varnothing": "emptyset", "cdot": "*", "times": "*", "ast": "*", "div": "÷",
    "bigcup": "cup", "bigcap": "cap", "lbrace": "\\{", "rbrace": "\\}", "{": "\\{",
    "}": "\\}", "lvert": "|", "rvert": "|",
    "vert": "|", "lbrack": "[", "rbrack": "]", "lparen": "(", "rparen": ")", "colon": ":",
    "varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi",
    "to": "rightarrow", "vee": "or", "lor": "or", "wedge": "and", "land": "and",
    "backslash": "setminus", "smallsetminus": "setminus",
}  # fmt: skip
_NO_SIGN = {
    ",", ";", ":", "!", " ", ">", "quad", "qquad", "enspace", "thinspace", "medspace",
    "thickspace", "left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl",
    "Bigr", "biggl", "biggr", "Biggl", "Biggr", "displaystyle", "textstyle", "scriptstyle",
    "limits", "nolimits", "tiny", "small", "normalsize", "large", "Large", "LARGE", "huge", "Huge",
}  # fmt: skip
"""Commands that only space or size."""
STYLES = {
    "mathbf", "boldsymbol", "bm", "vec", "hat", "bar", "tilde", "overline", "overrightarrow",
    "mathbb", "mathcal", "mathfrak", "mathscr", "mathit",
}  # fmt: skip
"""Commands that turn a letter into another symbol."""
FUNCTIONS = {
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "ln", "log", "lg", "exp", "max", "min", "gcd", "lcm",
}  # fmt: skip
"""Names of functions."""
_PLAIN_WORDS = FUNCTIONS | {"sqrt", "pi", "infinity", "theta", "alpha", "beta", "abs", "cbrt"}
"""Words of plain text that stand for a command."""
_SEPARATORS = {
    "and": "and", ", and": "and", "or": "or", ", or": "or", "和": "and", "或": "or", "与": "and",
    "以及": "and", "或者": "or",
}  # fmt: skip
_GAP = r"(?:\\[,!;: ]|[ \u00a0\u2009\u202f~]|\\thinspace(?![A-Za-z]))"
_NUMBER = re.compile(
    r"(?P<grouped>[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9]))(?P<part>\.[0-9]+)?"
    rf"|(?P<spaced>[1-9][0-9]{{0,2}}(?:(?:(?:\{{,\}}|,\\!){_GAP}*|{_GAP}+)[0-9]{{3}}(?![0-9]))+)"
    r"(?P<part2>\.[0-9]+)?"
    r"|(?P<whole>[0-9]*)\.(?P<fixed>[0-9]*)"
    r"(?:\\(?:overline|bar)\s*\{(?P<period>[0-9]+)\}|(?P<dots>\\dot.*)|\((?P<round>[0-9]+)\))"
    r"|(?P<plain>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE](?P<exponent>[-+]?[0-9]{1,3})(?![0-9]))?"
)
_DOTS = re.compile(
    r"(?:\\dot\s*(?:\{([0-9])\}|([0-9])))([0-9]*)(?:\\dot\s*(?:\{([0-9])\}|([0-9])))?"
)
_LEFT = re.compile(r"\\left(?![A-Za-z])\s*([(\[{|.<\\/]?)()")
_RIGHT = re.compile(r"\\right(?![A-Za-z])\s*([)\]}|.>\\/]?)()")
_SIGN_IN_BRACES = re.compile(r"(?<![\^_])\{([-+=:<>])\}")
_ROW_SKIP = re.compile(r"\s*\[-?[0-9.]+ *(?:pt|em|ex|mm|cm|in)\]")
"""The distance to the next row."""
_COMMAND = re.compile(r"\\(?:([A-Za-z]+)|(.))", re.DOTALL)
_PLAIN_WORD = re.compile(r"[A-Za-z]{2,}")


def tokens_of(text: str) -> tuple[Token, ...]:
    """All tokens of a text. Raises: Unread."""
    sizes = (_LEFT.findall(text), _RIGHT.findall(text))
    if len(sizes[0]) != len(sizes[1]) or not all(map(any, (*sizes[0], *sizes[1]))):
        raise Unread("\\left without \\right")
    return tuple(_tokens(_characters(text)))


def _characters(text: str) -> str:
    """The text with one spelling for each sign of Unicode that has a LaTeX command."""
    text = _WIDE_COMMA.sub(";", text).replace("\\degree", "^\\circ ").translate(_WIDE)
    found: list[str] = []
    text = _SIGN_IN_BRACES.sub(r"\1", text.replace("\\not=", "\\ne ").replace("\\not =", "\\ne "))
    for letter in text:
        for mark, table in (("^", _RAISED), ("_", _LOWERED)):
            digit = letter.translate(table)
            if digit == letter:
                continue
            if found and found[-1].startswith(f"{mark}{{"):
                found[-1] = found[-1][:-1] + digit + "}"
            else:
                found.append(f"{mark}{{{digit}}}")
            break
        else:
            found.append(_SIGNS.get(letter) or _vulgar_fraction(letter) or letter)
    return "".join(found)


def _vulgar_fraction(letter: str) -> str:
    """A fraction sign such as ½ as a command; "" for other letters."""
    if unicodedata.category(letter) != "No":
        return ""
    value = Fraction(unicodedata.numeric(letter)).limit_denominator(1000)
    if value.denominator == 1:  # ① and its kin
        raise Unread(letter)
    return f"\\frac{{{value.numerator}}}{{{value.denominator}}}"


def _tokens(text: str) -> Iterator[Token]:
    place = 0
    while place < len(text):
        letter = text[place]
        if letter.isspace() or letter == "~":
            place += 1
        elif letter == "\\":
            token, place = _command(text, place)
            if token is not None:
                yield token
        elif found := _NUMBER.match(text, place):
            token, place = _number_token(found)
            yield token
        elif found := _PLAIN_WORD.match(text, place):
            yield from _plain_word(found[0])
            place = found.end()
        elif letter.isascii() and letter.isalpha():
            yield Token("letter", letter)
            place += 1
        elif found := _CHINESE.match(text, place):
            yield _words("text", found[0]) or Token("words", found[0])
            place = found.end()
        elif letter == "*" and text.startswith("**", place):
            yield Token("sign", "^")
            place += 2
        elif letter in "<>" and text.startswith("=", place + 1):
            yield Token("command", "le" if letter == "<" else "ge")
            place += 2
        elif letter in "+-*/÷=<>()[]{}|,;:!^_&%$€£¥√∛∜'":
            yield Token("sign", letter)
            place += 1
        else:
            raise Unread(letter)


def _command(text: str, place: int) -> tuple[Token | None, int]:
    found = _COMMAND.match(text, place)
    if found is None:
        raise Unread("\\")
    name, end = found[1] or found[2], found.end()
    if name in ("\\", "cr"):
        skip = _ROW_SKIP.match(text, end)
        return Token("sign", "\\\\"), skip.end() if skip else end
    if name in ("left", "right") and text.startswith(".", end):
        return None, end + 1
    if name in _NO_SIGN or name.isspace():
        return None, end
    if name in ("begin", "end"):
        inside, end = _braced(text, end)
        return Token(name, inside.strip()), end
    if name in WORD_COMMANDS:
        inside, end = _braced(text, end)
        return _words(name, inside), end
    name = _ALIASES.get(name, name)
    kind: Kind = "command" if name.isalpha() else "sign"  # some commands mean a plain sign
    return Token(kind, name), end


def _braced(text: str, place: int) -> tuple[str, int]:
    """The inside of the braces at a position, which has no braces in it, and its end."""
    found = re.compile(r"\s*\{([^{}]*)\}").match(text, place)
    if found is None:
        raise Unread("braces")
    return found[1], found.end()


def _words(command: str, inside: str) -> Token | None:
    said = " ".join(inside.replace("\\ ", " ").replace("~", " ").split())
    if not said:
        return None
    if said.lower() in _SEPARATORS:
        return Token("command", _SEPARATORS[said.lower()])
    if said.lower() in ("percent", "per cent", "\\%"):
        return Token("sign", "%")
    if said in (",", ";", "$", "\\$"):
        return Token("sign", said[-1])
    if command in ("mathrm", "operatorname"):
        if len(said) == 1 and said.isascii() and said.isalpha() and plain_unit(said) is None:
            return Token("letter", said)
        if said in FUNCTIONS:
            return Token("command", said)
    return Token("words", said)


def _plain_word(word: str) -> Iterator[Token]:
    if word.lower() in ("and", "or"):
        yield Token("command", word.lower())
    elif word in _PLAIN_WORDS:
        yield Token("command", {"infinity": "infty"}.get(word, word), form="plain")
    else:
        for letter in word:
            yield Token("letter", letter)


def _number_token(found: re.Match[str]) -> tuple[Token, int]:
    """The number at a position, and its end."""
    if sum(letter.isdigit() for letter in found[0]) > MAX_DIGITS:
        raise Unread("a number of many digits")
    if grouped := found["grouped"] or found["spaced"]:
        part = found["part"] or found["part2"] or ""
        value = Fraction(re.sub(r"[^0-9]", "", grouped) + part)
        form = "grouped" if found["grouped"] and not part else "decimal" if part else "integer"
        return Token("number", found[0], value, form), found.end()
    if plain := found["plain"]:
        exponent = found["exponent"]
        value = Fraction(plain + (f"e{exponent}" if exponent else ""))
        form = "integer" if plain.isdigit() and not exponent else "decimal"
        return Token("number", found[0], value, form), found.end()
    if not found["whole"] and not found["fixed"]:
        raise Unread(found[0])
    if found["dots"]:
        return _dotted(found)
    period = found["period"] or found["round"]
    value = _recurring(found["whole"], found["fixed"], period)
    return Token("number", found[0], value, "recurring"), found.end()


def _dotted(found: re.Match[str]) -> tuple[Token, int]:
    r"""A recurring decimal such as 0.1\dot{2}3\dot{4}: its period goes from the first dotted digit
    to the last."""
    dots = _DOTS.match(found.string, found.start("dots"))
    if dots is None:
        raise Unread("\\dot")
    first, between, last = dots[1] or dots[2], dots[3], dots[4] or dots[5]
    if between and not last:
        raise Unread("\\dot")
    period = first + between + (last or "")
    value = _recurring(found["whole"], found["fixed"], period)
    return Token("number", found.string[found.start() : dots.end()], value, "recurring"), dots.end()


def _recurring(whole: str, fixed: str, period: str) -> Fraction:
    start = Fraction(f"{whole or 0}.{fixed or 0}")
    return start + Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(fixed))


def ungrouped(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """The tokens with every "1,234" as a list of two numbers."""
    found: list[Token] = []
    for token in tokens:
        if token.form != "grouped":
            found.append(token)
            continue
        for place, digits in enumerate(token.text.split(",")):
            if place:
                found.append(Token("sign", ","))
            found.append(Token("number", digits, Fraction(digits), "integer"))
    return tuple(found)


def unit_of(token: Token) -> str | None:
    """The unit that words mean, by its one name; None if they mean none."""
    return plain_unit(token.text) if token.kind == "words" else None
