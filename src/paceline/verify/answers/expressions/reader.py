r"""Tokens as an expression: a parser by recursive descent that reads all of them, or raises Unread.

    answer    = list | words
    list      = relation { "," relation | "and" relation }       -2, 1 and x = 3
    relation  = [sign] ratio { sign ratio }                      x = 3, 1 < x \le 5, \geq 6
    ratio     = union { ":" union }                              3 : 2
    union     = quantity { "\cup" quantity }                     (1,2) \cup (3,4)
    quantity  = sum [ unit ]                                     12\text{ cm}, \$5
    sum       = ["-"] product { "+" product | "-" product }      2x - 1, 3 \pm \sqrt{2}
    product   = power { "\cdot" power | "/" power | power }      2 \cdot 3, x/2, 2x
    power     = primary [ "!" ] [ "%" ] [ "^" primary ]          x^2, 5!
    primary   = number | symbol | function | brackets | \frac | \sqrt | matrix

Lists to unions are here, quantities to primaries in `terms`, what begins with a command in
`commands`. Ambiguous spellings are not read: 1/2x, \sqrt(9), x^2^3, 2--3, 3 4.
"""

import re
from collections.abc import Sequence

from ..text.groups import is_group, only_box
from ..text.sentences import changes_what_follows
from ..text.spellings import STYLE_COMMANDS, WORD_COMMANDS
from ..text.units import plain_unit
from .cursor import GREEK, RELATIONS
from .expression import COMPUTED, VALUES, Expression, expanded, numeral
from .terms import Terms
from .tokens import FUNCTIONS, Token, Unread, tokens_of, ungrouped

MAX_CHARACTERS = 500
"""Most characters of an answer, and of an expected one; longer ones are not read."""
MAX_FACTORIALS = 8
"""Most factorials in an answer; each takes milliseconds."""
_WRAPPED = re.compile(r"(?:\$\$?|\\\(|\\\[)(.*?)(?:\$\$?|\\\)|\\\])", re.DOTALL)
_LETTER = re.compile(r"\(?[A-Za-z]\)?")
_STYLED = re.compile(
    rf"\\(?:{'|'.join((*WORD_COMMANDS, *STYLE_COMMANDS))})\s*\{{(?=[^A-Za-z])"
    r"|\\(?:color|textcolor)\s*\{[A-Za-z]+\}\s*\{"
)
"""Pattern of a style around a whole answer that is not a word."""
_DECLARED = re.compile(r"\\(?:bf|rm|it)\s+([^A-Za-z].*)", re.DOTALL)
_NUMBER_IN_WORDS = re.compile(r"\\text\s*\{\s*([-+−]?[0-9][0-9.,/]*)\s*([A-Za-z][A-Za-z ./]*)?\}")
_INDEXED_LETTER = re.compile(r"(?:[A-Za-z]|[a-z]+)_.*")
"""Pattern of a symbol such as a_{12}; a numeral of letters has two or more, in capitals."""
_BASED = re.compile(
    r"\(?(?:\\(?:text|mathrm)\{)?([0-9A-Za-z]{1,60})\}?\)?_\(?\{?(?:\\text\{)?\(?([0-9]{1,2}|[a-z]+)[)}]*"
)
_VALUELESS = re.compile(
    r"m?\\(?:angle|triangle|odot)[A-Z]{1,4}|\|[A-Z]{2}\||\[[A-Z]{3,4}\]|P\(.+\)"
    r"|\\(?:overline|bar|hat|widehat|vec|mathbf|overrightarrow|tilde)(?:[A-Za-z]|\{[A-Za-z]{1,3}\})"
    r"|[A-Za-z]_\{.+\}"
)
"""Names of quantities of geometry and statistics."""
_INFIX = re.compile(r"\\(?:over|choose)(?![a-z])")
_DATE = re.compile(
    r"[A-Z][a-z]{2,} [0-9]{1,2}(?:, [0-9]{4})?|[0-9]{1,2} [A-Z][a-z]{2,}(?: [0-9]{4})?"
)
"""Pattern of a date such as March 14."""
_CIRCLED = re.compile("[①-⑳](?:[、，,;； ]*[①-⑳])*")
"""Pattern of right statements, by their numbers."""
_ONLY_WORDS = re.compile(rf"\\(?:{'|'.join(WORD_COMMANDS)}|mathbf)\s*\{{([^{{}}]*)\}}")


def bare(text: str) -> str:
    """An answer without the frame around all of it: dollars, a box, one full stop."""
    before = None
    while text != before:
        before = text
        text = text.strip()
        if text.endswith((".", "。")) and not text.endswith(".."):
            text = text[:-1].rstrip()
        if (found := _WRAPPED.fullmatch(text)) and not re.search(r"(?<!\\)\$", found[1]):
            text = found[1]
        grouped = text.startswith("{") and text.endswith("}") and not _INFIX.search(text)
        if grouped and is_group(text):
            text = text[1:-1]
        text = only_box(text) or text
        if found := _NUMBER_IN_WORDS.fullmatch(text):
            text = f"{found[1]}\\text{{{found[2] or ''}}}"
        if found := _STYLED.match(text):
            inside = text[found.end() : -1] if is_group(text, found.end()) else ""
            text = inside if inside and not _LETTER.fullmatch(inside) else text
        if found := _DECLARED.fullmatch(text):
            text = found[1]
    return text


def readings(text: str, *, split_numbers: bool = True) -> list[Expression]:
    """All readings of an answer: more than one if 1,234 may be two numbers, or letters a word.

    Args:
        split_numbers: True if 1,234 may be two numbers outside of brackets too.

    Raises: Unread if nothing of it is known here.
    """
    if len(text) > MAX_CHARACTERS:
        raise Unread("a long text")
    text = bare(text)
    if based := _based(text):
        return [based]
    said, only = words_of(text)
    found = [Expression("text", name=said)] if said else []
    if only:
        return found
    try:
        tokens = tokens_of(text)
        found.append(read(tokens))
        split = ungrouped(tokens) if split_numbers and ",0" not in text else tokens
        if split != tokens and all(part.kind == "number" for part in read(split).parts):
            found.append(read(split))
    except Unread:
        if not found:
            raise
    return found


def _based(text: str) -> Expression | None:
    r"""A numeral with its base: 1AF_{16}, (101)_2, 101_{\text{two}}; None for anything else."""
    if _INDEXED_LETTER.fullmatch(text):
        return None
    found = _BASED.fullmatch("".join(text.split()).replace("₂", "_2").replace("₈", "_8"))
    if found is None:
        return None
    return numeral(found[1], found[2])


def words_of(text: str) -> tuple[str, bool]:
    r"""The words of an answer that is a text, such as \text{not enough} or Evelyn, or "", and True
    if it can be nothing else: two or three letters are also a product."""
    found = _ONLY_WORDS.fullmatch(text)
    said = " ".join((found[1] if found else text).replace("~", " ").split()).removesuffix(".")
    if found and _LETTER.fullmatch(said):
        return said.strip("()"), True
    if _DATE.fullmatch(said):
        return said, True
    if _CIRCLED.fullmatch(said):
        return "".join(sorted(letter for letter in said if letter.isnumeric())), True
    if not said or (len(said) < 2 and said.isascii()):
        return "", False
    if not all(letter.isalpha() or letter in " '’-,." for letter in said):
        return "", False
    if not said[0].isalpha() or not said[-1].isalpha():
        return "", False
    longest = max(re.findall(r"[^\W\d_]+", said), key=len, default="")
    if not found and (longest in FUNCTIONS or longest.lower() in ("and", "or", "pi", "infinity")):
        return "", False
    is_word = len(longest) > 3 or (len(longest) == 3 and not longest.islower())
    return said, bool(found) or is_word or not longest.isascii()


def read(tokens: tuple[Token, ...]) -> Expression:
    """The expression that tokens stand for. Raises: Unread."""
    reader = _Reader(_grouped_over(tokens))
    found = reader.whole()
    if reader.place != len(reader.tokens):
        raise Unread("a rest")
    calls = [one.name for one in found.walk() if one.kind == "call"]
    if calls.count("factorial") + 2 * calls.count("binom") > MAX_FACTORIALS:
        raise Unread("many factorials")
    for one in found.walk():
        if one.kind in COMPUTED and any(part.kind not in VALUES for part in one.parts):
            raise Unread(f"{one.kind} of what has no value")
        if one.kind == "either sign":
            raise Unread("\\pm")
    return found


def _grouped_over(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    r"""Tokens with 1 \over 2 in braces: its halves fill the whole group of a formula."""
    depth = 0
    for token in tokens:
        depth += (token.text == "{") - (token.text == "}")
        if depth == 0 and token.kind == "command" and token.text in ("over", "choose"):
            return (Token("sign", "{"), *tokens, Token("sign", "}"))
    return tokens


class _Reader(Terms):
    """The whole grammar: lists and relations of values."""

    def whole(self) -> Expression:
        """A relation or a list of relations: x = -2 or x = 1."""
        first = self.relation()
        found, words = [first], set[str]()
        while self.next_is(",", ";", "and", "or"):
            word = self.take().text
            if word in ",;" and self.next_is("and", "or"):  # 1, 2, and 3
                word = self.take().text
            words.add(word)
            found.append(self.relation())
        if len(found) == 1:
            return Expression("list", first.parts) if first.kind == "either sign" else first
        return Expression("list", expanded(found), "and" if words == {"and"} else "")

    def relation(self) -> Expression:
        """A sum, or several with relation signs between, or one after a relation sign."""
        signs: list[str] = []
        sides: list[Expression] = []
        names: list[str] = []
        if (sign := self._relation_sign()) is not None:
            signs.append(sign)
            sides.append(Expression("text"))
            names.append("")
        while True:
            start = self.place
            sides.append(self._named() or self.ratio())
            names.append(_name(self.tokens[start : self.place]))
            if (sign := self._relation_sign()) is None:
                break
            signs.append(sign)
        if signs and self.next_is("pmod"):  # x \\equiv 3 \\pmod 7
            self.place += 1
            sides.append(self.primary())
            names.append("")
            signs.append("mod")
        if not signs:
            return sides[0]
        if any(side.kind == "either sign" for side in sides):  # x = \\pm 2 is two equations
            both = [tuple(side.parts[at] if side.kind == "either sign" else side for side in sides)
                    for at in (0, 1)]  # fmt: skip
            named = [_relation(each, signs, names) for each in both]
            return Expression("either sign", tuple(named))
        return _relation(sides, signs, names)

    def _named(self) -> Expression | None:
        r"""\text{Area}, \angle ABC or P(X=2) before an equals sign: a name that has no value."""
        depth, end = 0, self.place
        for end in range(self.place, len(self.tokens)):
            text = self.tokens[end].text
            if text == "=" and depth == 0:
                break
            depth += text in ("(", "{", "[")
            depth -= text in (")", "}", "]")
        else:
            return None
        side = self.tokens[self.place : end]
        said = "".join(f"\\{t.text}" if t.kind == "command" else t.text for t in side)
        in_words = len(side) == 1 and side[0].kind == "words" and not plain_unit(said)
        if in_words and changes_what_follows(said):
            raise Unread(said)
        if not in_words and not _VALUELESS.fullmatch(said):
            return None
        self.place = end
        return Expression("text", name=said)

    def _relation_sign(self) -> str | None:
        token = self.peek()
        if token is None or token.kind not in ("sign", "command"):
            return None
        sign = RELATIONS.get(token.text)
        if sign is not None:
            self.place += 1
        return sign

    def ratio(self) -> Expression:
        parts = [self.union()]
        while self.next_is(":"):
            self.place += 1
            parts.append(self.union())
        return parts[0] if len(parts) == 1 else Expression("ratio", tuple(parts))

    def union(self) -> Expression:
        left = self.either()
        while self.next_is("cup", "cap", "setminus"):
            name = self.take().text
            right = self.either()
            if left.kind == "union" and left.name == name != "setminus":
                left = Expression("union", (*left.parts, right), name)
            else:
                left = Expression("union", (left, right), name)
        return left


def _relation(sides: Sequence[Expression], signs: list[str], names: list[str]) -> Expression:
    return Expression("relation", tuple(sides), " ".join(signs), names=tuple(names))


def _name(tokens: tuple[Token, ...]) -> str:
    """The name on a side of a relation, such as x, x_1, f(x), AB or \\text{Area}; otherwise ""."""
    if len(tokens) == 1 and tokens[0].kind == "words":
        return "" if plain_unit(tokens[0].text) else tokens[0].text
    written = "".join(f"\\{t.text}" if t.kind == "command" else t.text for t in tokens)
    if _VALUELESS.fullmatch(written):
        return written.replace("{", "").replace("}", "")
    texts = [token.text for token in tokens]
    said = "".join(f"\\{t}" if t in GREEK else t for t in texts)
    letter = r"(?:[A-Za-z]|\\[A-Za-z]+)"
    kinds = {token.kind for token in tokens}
    if kinds <= {"letter"} and 2 <= len(tokens) <= 3 and said.isupper():
        return said
    shape = rf"{letter}(?:_(?:[A-Za-z0-9]+|\{{[A-Za-z0-9]+\}}))?'*(?:\^\{{-1\}})?"
    called = rf"(?:\({letter}(?:,{letter})*\)|\([0-9]+\))?"
    pair = rf"\({letter}(?:,{letter})+\)"
    named = re.fullmatch(rf"{shape}{called}|{pair}", said)
    return said.replace("{", "").replace("}", "") if named else ""
