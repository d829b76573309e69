r"""Tokens as an expression: a parser by recursive descent that reads all of them, or raises Unread.

    answer    = whole | text
    whole     = side { relation-sign side }                      x = 3, 1 < x \le 5
    side      = list of sums, separated by , ; "and" "or"        -2, 1
    sum       = ["-"] product { "+" product | "-" product }      2x - 1, 3 \pm \sqrt{2}
    product   = power { "\cdot" power | "/" power | power }      2 \cdot 3, x/2, 2x
    power     = primary [ "!" ] [ "^" primary ]                  x^2, 5!
    primary   = number | symbol | function | brackets | \frac | \sqrt | matrix

What mathematicians would ask about is not read: 1/2x, \sqrt(9), x^2^3, 2--3, 3 4.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from math import gcd

from .expression import COMPUTED, VALUES, Expression, number
from .tokens import FUNCTIONS, STYLES, Token, Unread, tokens_of, ungrouped, unit_of
from .units import currency, plain_unit

MAX_DEPTH = 40
"""Brackets within brackets."""
MAX_FACTORIALS = 8
"""Each takes milliseconds."""
_RELATIONS = {"=": "=", "<": "<", ">": ">"} | {
    name: name for name in ("le", "ge", "ne", "in", "approx", "equiv", "sim", "cong")
}
_CONSTANTS = {"pi", "infty"}
_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
    "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma",
    "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega", "ell",
    "hbar",
}  # fmt: skip
_CLOSING = {"lfloor": "rfloor", "lceil": "rceil"}
_BETWEEN = {"and", "or", "cup", "cap", "setminus", "pm", "circ", "rangle", "rfloor", "rceil"}
"""Commands that no factor begins with."""
_MATRICES = {"matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array"}
_WRAPPED = re.compile(r"(?:\$\$?|\\\(|\\\[)\s*(.*?)\s*(?:\$\$?|\\\)|\\\])", re.DOTALL)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{(.*)\}", re.DOTALL)
_NUMBER_IN_WORDS = re.compile(r"\\text\s*\{\s*([-+−]?[0-9][0-9.,/]*)\s*([A-Za-z][A-Za-z ./]*)?\}")
_ONLY_WORDS = re.compile(
    r"\\(?:text|textrm|textbf|textit|textnormal|mbox|mathrm|mathbf)\s*\{([^{}]*)\}"
)


def bare(text: str) -> str:
    """An answer without what stands around all of it: dollars, a box, one full stop."""
    before = None
    while text != before:
        before = text
        text = text.strip()
        if text.endswith((".", "。")) and not text.endswith(".."):
            text = text[:-1].rstrip()
        if (found := _WRAPPED.fullmatch(text)) and not re.search(r"(?<!\\)\$", found[1]):
            text = found[1]
        if (found := _BOX.fullmatch(text)) and _closes_last(found[1]):
            text = found[1]
        if found := _NUMBER_IN_WORDS.fullmatch(text):
            text = f"{found[1]}\\text{{{found[2] or ''}}}"
    return text


def _closes_last(inside: str) -> bool:
    depth = 0
    for letter in inside:
        depth += (letter == "{") - (letter == "}")
        if depth < 0:
            return False
    return depth == 0


def readings(text: str) -> list[Expression]:
    """All that an answer may say: more than one where 1,234 may be two numbers, or letters a word.

    Raises: Unread where it says nothing that is known here.
    """
    text = bare(text)
    said, only = words_of(text)
    found = [Expression("text", name=said)] if said else []
    if only:
        return found
    try:
        tokens = tokens_of(text)
        found.append(read(tokens))
        split = ungrouped(tokens)
        if split != tokens:
            found.append(read(split))
    except Unread:
        if not found:
            raise
    return found


def words_of(text: str) -> tuple[str, bool]:
    r"""The words of an answer that is a text, such as \text{not enough} or Evelyn, or "", and
    whether it can be nothing else: two or three letters are also a product."""
    found = _ONLY_WORDS.fullmatch(text)
    said = " ".join((found[1] if found else text).replace("~", " ").split()).removesuffix(".")
    if found and re.fullmatch(r"\(?[A-Za-z]\)?", said):
        return said.strip("()"), True
    if len(said) < 2 or not all(letter.isalpha() or letter in " '’-,." for letter in said):
        return "", False
    if not said[0].isalpha() or not said[-1].isalpha():
        return "", False
    longest = max(re.findall(r"[^\W\d_]+", said), key=len, default="")
    if not found and (longest in FUNCTIONS or longest.lower() in ("and", "or", "pi", "infinity")):
        return "", False
    is_word = len(longest) > 3 or (len(longest) == 3 and not longest.islower())
    return said, bool(found) or is_word or not longest.isascii()


def read(tokens: tuple[Token, ...]) -> Expression:
    """The expression that tokens are. Raises: Unread."""
    reader = _Reader(tokens)
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


class _Reader:
    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self.tokens, self.place, self.depth = tokens, 0, 0
        self.bars = 0  # open "|" around the place
        self.plus_minus = ""  # the sign that \pm stands for at present
        self.signs_met = 0  # how often it stood there

    # -- tokens ----------

    def next_is(self, *texts: str) -> bool:
        """Whether the next token is one of these signs or commands."""
        token = self.peek()
        return token is not None and token.kind in ("sign", "command") and token.text in texts

    def peek(self, ahead: int = 0) -> Token | None:
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            raise Unread("an end")
        self.place += 1
        return token

    def expect(self, text: str) -> None:
        if not self.next_is(text):
            raise Unread(text)
        self.place += 1

    # -- lists and relations ----------

    def whole(self) -> Expression:
        """A relation or a list of relations: x = -2 or x = 1."""
        first = self.relation()
        found = [first]
        while self._separator():
            found.append(self.relation())
        if len(found) == 1:
            return Expression("list", first.parts) if first.kind == "either sign" else first
        return Expression("list", _expanded(found))

    def _separator(self) -> bool:
        if not self.next_is(",", ";", "and", "or"):
            return False
        comma = self.take().text in ",;"
        if comma and self.next_is("and", "or"):  # 1, 2, and 3
            self.place += 1
        return True

    def relation(self) -> Expression:
        """A sum, or several with relation signs between, or one behind a relation sign."""
        signs: list[str] = []
        sides: list[Expression] = []
        names: list[str] = []
        if (sign := self._relation_sign()) is not None:
            signs.append(sign)
            sides.append(Expression("text"))
            names.append("")
        while True:
            start = self.place
            sides.append(self._named_in_words() or self.ratio())
            names.append(_name(self.tokens[start : self.place]))
            if (sign := self._relation_sign()) is None:
                break
            signs.append(sign)
        if not signs:
            return sides[0]
        if any(side.kind == "either sign" for side in sides):  # x = \\pm 2 is two equations
            both = [tuple(side.parts[at] if side.kind == "either sign" else side for side in sides)
                    for at in (0, 1)]  # fmt: skip
            named = [_relation(each, signs, names) for each in both]
            return Expression("either sign", tuple(named))
        return _relation(sides, signs, names)

    def _named_in_words(self) -> Expression | None:
        r"""\text{Area} before an equals sign."""
        token, ahead = self.peek(), self.peek(1)
        if token is None or token.kind != "words" or ahead is None or ahead.text != "=":
            return None
        self.place += 1
        return Expression("text", name=token.text)

    def _relation_sign(self) -> str | None:
        token = self.peek()
        if token is None or token.kind not in ("sign", "command"):
            return None
        sign = _RELATIONS.get(token.text)
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

    def either(self) -> Expression:
        r"""A sum, or the two sums that \pm in it means."""
        start, tokens = self.place, self.tokens
        if self.plus_minus or not any(token.text == "pm" for token in tokens[start:]):
            return self.quantity()
        found = []
        for sign in "+-":
            self.place, self.tokens, self.plus_minus, self.signs_met = start, tokens, sign, 0
            found.append(self.quantity())
            if self.signs_met > 1:
                raise Unread("more than one \\pm")
        self.plus_minus = ""
        return found[0] if found[0] == found[1] else Expression("either sign", tuple(found))

    # -- values ----------

    def quantity(self) -> Expression:
        """A sum, and a unit behind it or before it if it has one."""
        before = self._currency_before()
        found = self.sum()
        behind = self._unit_behind()
        if before and behind:
            raise Unread("two units")
        unit = before or behind
        if unit is None:
            return found
        if found.kind not in VALUES or found.symbols:
            raise Unread("a unit behind a symbol")
        return Expression("quantity", (found,), unit)

    def _currency_before(self) -> str | None:
        """The unit of a sign such as "$" before a number or between it and its sign."""
        at = self.place + self.next_is("+", "-")
        token = self.tokens[at] if at < len(self.tokens) else None
        unit = currency(token.text) if token is not None and token.kind == "sign" else None
        if unit is not None:
            self.tokens = (*self.tokens[:at], *self.tokens[at + 1 :])
        return unit

    def _unit_behind(self) -> str | None:
        token = self.peek()
        if token is None:
            return None
        if token.kind == "sign" and (unit := currency(token.text)):
            self.place += 1
            return unit
        if self.next_is("^") and self._circle():
            self.place += 1
            self._closed_circle()
            letter = self.peek()
            if letter and letter.text in ("C", "F") and letter.kind in ("letter", "words"):
                self.place += 1
                return letter.text
            return "degree"
        if (unit := unit_of(token)) is None:
            return None
        self.place += 1
        if self.next_is("^"):
            self.place += 1
            raised = self.take()
            if raised.text == "{":
                raised = self.take()
                self.expect("}")
            if raised.text not in ("2", "3") or "^" in unit or "/" in unit:
                raise Unread("a unit")
            unit += f"^{raised.text}"
        if self.next_is("/") and (token := self.peek(1)) and (under := unit_of(token)):
            self.place += 2
            unit += f"/{under}"
        return unit

    def _circle(self) -> bool:
        ahead = self.peek(1)
        if ahead is not None and ahead.text == "{":
            ahead = self.peek(2)
        return ahead is not None and ahead.kind == "command" and ahead.text == "circ"

    def _closed_circle(self) -> None:
        r"""Behind a "^": circ, or circ in braces."""
        if self.take().text == "{":
            self.expect("circ")
            self.expect("}")

    def sum(self) -> Expression:
        terms: list[Expression] = []
        while True:
            negative = False
            if self.next_is("+", "-", "pm"):
                negative = self._sign() == "-"
            elif terms:
                break
            term = self.product()
            terms.append(_simple(Expression("negative", (term,))) if negative else term)
        return terms[0] if len(terms) == 1 else Expression("sum", tuple(terms))

    def _sign(self) -> str:
        sign = self.take().text
        if sign != "pm":
            return sign
        if not self.plus_minus:
            raise Unread("\\pm")
        self.signs_met += 1
        return self.plus_minus

    def product(self) -> Expression:
        found, divided = self.power(), False
        while True:
            if self.next_is("*"):
                self.place += 1
                found, divided = _times(found, self.power()), False
            elif self.next_is("/", "÷"):
                # 5/2 is a number, and 5 ÷ 2 what is left to be computed
                over = _over if self.take().text == "/" else _divided
                found, divided = over(found, self.power()), True
            elif self._starts_factor():
                if divided:
                    raise Unread("1/2x")
                found = _times(found, self.power())
            else:
                return found

    def _starts_factor(self) -> bool:
        """Whether a factor follows without a sign between; never a number: 3 4, x2."""
        token = self.peek()
        if token is None:
            return False
        if token.kind == "sign":
            return token.text in ("(", "[", "{", "√") or (token.text == "|" and not self.bars)
        if token.kind == "command":
            return token.text not in _RELATIONS and token.text not in _BETWEEN
        return token.kind in ("letter", "begin")

    def _with_fraction(self, whole: Expression) -> Expression:
        r"""2\frac{1}{2} or 2 1/2, a whole number with a proper fraction behind it, as one number."""
        start = self.place
        if whole.kind != "number" or whole.name != "integer" or whole.value is None:
            return whole
        if self.next_is("frac"):
            self.place += 1
            part = self._fraction()
        elif self._slashed_ahead():
            upper, _, lower = self.take(), self.take(), self.take()
            part = _over(self._number(upper), self._number(lower))
        else:
            return whole
        if part.name == "fraction" and part.value is not None and 0 < part.value < 1:
            return number(whole.value + part.value, "mixed")
        self.place = start
        return whole

    def _slashed_ahead(self) -> bool:
        """Whether "1/2" follows, and nothing that would be part of it."""
        upper, slash, lower, behind = (self.peek(ahead) for ahead in range(4))
        if not all(t and t.kind == "number" and t.form == "integer" for t in (upper, lower)):
            return False
        ends = behind is None or behind.kind == "words" or behind.text in (",", ";", "=", ")", "}")
        return ends and slash is not None and slash.text == "/"

    def power(self) -> Expression:
        found = self._with_fraction(self.primary())
        while self.next_is("!"):
            self.place += 1
            if found.kind == "call" and found.name == "factorial":
                raise Unread("!!")
            found = Expression("call", (found,), "factorial")
        if self.next_is("%"):
            self.place += 1
            if found.kind != "number" or found.value is None or found.name == "per cent":
                raise Unread("%")
            found = number(found.value / 100, "per cent")
        if self.next_is("^") and not self._circle():
            self.place += 1
            found = Expression("power", (found, self._raised()))
            if self.next_is("^", "!"):
                raise Unread("a power of a power without brackets")
        return found

    def _raised(self) -> Expression:
        """What stands behind "^": a group, a letter, a number, or a number with its sign."""
        if self.next_is("-"):
            self.place += 1
            token = self.peek()
            if token is None or token.kind not in ("number", "letter"):
                raise Unread("^-")
            return _simple(Expression("negative", (self.primary(),)))
        if self.next_is("(", "{") or (token := self.peek()) is None:
            return self.primary()
        if token.kind in ("number", "letter") or token.text in ("pi", "frac", *_GREEK):
            return self.primary()
        raise Unread("^")

    def primary(self) -> Expression:
        token = self.take()
        if token.kind == "number":
            return self._number(token)
        if token.kind == "letter":
            return self._symbol(token.text)
        if token.kind == "begin":
            return self._matrix(token.text)
        if token.kind == "sign" and token.text in ("{", "(", "[", "\\{", "|", "√"):
            return self._bracketed(token.text)
        if token.kind == "command":
            return self._command(token)
        raise Unread(token.text)

    def _number(self, token: Token) -> Expression:
        assert token.value is not None
        if self.next_is("_"):
            self.place += 1
            base = self._subscript()
            if token.form != "integer" or not base.isdigit() or not 2 <= int(base) <= 36:
                raise Unread("a base")
            if base == "10":
                return number(token.value, "integer")
            return Expression("based", name=f"{token.text}_{base}")
        return number(token.value, "integer" if token.form == "grouped" else token.form)

    def _symbol(self, name: str) -> Expression:
        if self.next_is("_"):
            self.place += 1
            name += f"_{self._subscript()}"
        while self.next_is("'"):
            self.place += 1
            name += "'"
        if name in ("e", "i"):
            return Expression("constant", name=name)
        return Expression("symbol", name=name)

    def _subscript(self) -> str:
        """Letters and digits behind "_"."""
        token = self.take()
        if token.text != "{" or token.kind != "sign":
            inside = [token]
        else:
            inside = []
            while not self.next_is("}"):
                inside.append(self.take())
            self.place += 1
        if not inside or any(
            one.kind not in ("letter", "number", "words")
            and one.text not in (",", "+", "-", *_GREEK)
            for one in inside
        ):
            raise Unread("_")
        return "".join(one.text for one in inside)

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unread("many brackets")

    def _bracketed(self, opening: str) -> Expression:
        if opening == "√":
            return Expression("root", (self.primary(), number(Fraction(2), "integer")))
        self._deeper()
        if opening == "{":
            found = self.sum()
            self.expect("}")
        elif opening == "|":
            self.bars += 1
            found = Expression("call", (self.sum(),), "abs")
            self.bars -= 1
            self.expect("|")
        else:
            found = self._elements(opening)
        self.depth -= 1
        return found

    def _elements(self, opening: str) -> Expression:
        """What stands between brackets: a group, or elements with commas between."""
        outside = self.bars, self.plus_minus
        self.bars = 0
        if opening == "\\{" and self.depth < 3:
            self.plus_minus = ""  # \{\pm 2\} has two elements
        self._split_numbers()
        parts: list[Expression] = []
        if opening != "\\{" or not self.next_is("\\}"):
            parts.append(self.either())
        while self.next_is(",", ";"):
            self.place += 1
            parts.append(self.either())
        closing = self.take().text
        self.bars, self.plus_minus = outside
        if opening == "\\{" and closing == "\\}":
            return Expression("set", _expanded(parts))
        if opening == "(" and closing == ")" and len(parts) == 1:
            return parts[0]
        alike = (opening, closing) in (("(", ")"), ("[", "]"), ("langle", "rangle"))
        mixed = (opening, closing) in (("(", "]"), ("[", ")")) and len(parts) == 2
        if not (alike or mixed):
            raise Unread("brackets")
        return Expression("bracket", tuple(parts), f"{opening} {closing}")

    def _split_numbers(self) -> None:
        """Take 1,234 for two numbers up to where a bracket closes; (1,000) is one."""
        end = depth = 0
        for end, token in enumerate(self.tokens[self.place :], self.place):
            if token.kind in ("sign", "command"):
                depth += token.text in ("(", "[", "\\{", "langle")
                depth -= token.text in (")", "]", "\\}", "rangle")
            if depth < 0:
                break
        inside = self.tokens[self.place : end]
        if not any(token.form == "grouped" and ",0" in token.text for token in inside):
            self.tokens = (*self.tokens[: self.place], *ungrouped(inside), *self.tokens[end:])

    def _command(self, token: Token) -> Expression:
        self._deeper()
        found = self._known_command(token.text, plain=token.form == "plain")
        self.depth -= 1
        return found

    def _known_command(self, name: str, plain: bool) -> Expression:
        if name == "frac":
            return self._fraction()
        if name in ("sqrt", "cbrt"):
            return self._root(name, plain)
        if name == "binom":
            return Expression("call", (self._argument(), self._argument()), "binom")
        if name in FUNCTIONS or name == "abs":
            return self._function(name)
        if name in _CONSTANTS:
            return Expression("constant", name=name)
        if name == "emptyset":
            return Expression("set")
        if name in _GREEK:
            return self._symbol(name)
        if name in STYLES:
            return self._styled(name)
        if name == "langle":
            return self._elements(name)
        if name in ("lfloor", "lceil"):
            found = Expression("call", (self.sum(),), "floor" if name == "lfloor" else "ceiling")
            self.expect(_CLOSING[name])
            return found
        raise Unread(name)

    def _argument(self, digits: int = 1) -> Expression:
        """An argument of a command: a group in braces, one letter, or a number of so many digits."""
        token = self.take()
        if token.kind == "sign" and token.text == "{":
            return self._bracketed("{")
        if token.kind == "letter":
            return self._symbol(token.text)
        if token.kind == "number" and token.form == "integer" and len(token.text) <= digits:
            return self._number(token)
        if token.kind == "command" and token.text in (*_CONSTANTS, *_GREEK, *STYLES):
            return self._command(token)
        raise Unread("an argument")

    def _fraction(self) -> Expression:
        token = self.peek()
        if token is not None and token.form == "integer" and len(token.text) == 2:  # \frac12
            self.place += 1
            over, under = (number(Fraction(int(digit)), "integer") for digit in token.text)
            return _over(over, under)
        over = self._argument()
        return _over(over, self._argument())

    def _root(self, name: str, plain: bool) -> Expression:
        index = number(Fraction(3 if name == "cbrt" else 2), "integer")
        if self.next_is("["):
            self.place += 1
            index = self.sum()
            self.expect("]")
        if plain and self.next_is("("):  # sqrt(9) is plain text, \sqrt(9) the root of a bracket
            return Expression("root", (self.primary(), index))
        return Expression("root", (self._argument(digits=6), index))

    def _function(self, name: str) -> Expression:
        base: tuple[Expression, ...] = ()
        raised = None
        if name == "log" and self.next_is("_"):
            self.place += 1
            base = (self._argument(),)
        if self.next_is("^"):
            self.place += 1
            raised = self._raised()
        if self.next_is("(", "{"):
            arguments = self._called()
            if self.next_is("^", "!"):
                raise Unread("a power of a function without brackets")
        else:
            arguments = (self._loose_argument(),)
        if name in ("max", "min", "gcd", "lcm"):
            if len(arguments) < 2:
                raise Unread(name)
        elif len(arguments) != 1:
            raise Unread(name)
        if raised == _simple(Expression("negative", (number(Fraction(1), "integer"),))):
            if name not in ("sin", "cos", "tan"):
                raise Unread("^{-1}")
            name, raised = f"arc{name}", None
        found = Expression("call", (*arguments, *base), name)
        return found if raised is None else Expression("power", (found, raised))

    def _called(self) -> tuple[Expression, ...]:
        """The arguments in the brackets behind a function."""
        opening = self.take().text
        found = self._bracketed(opening)
        called = found.kind == "bracket" and found.name == "( )"
        return tuple(map(_angle, found.parts if called else (found,)))

    def _loose_argument(self) -> Expression:
        r"""The argument of a function without brackets: \sin 2x, \ln|x|, \cos 30^\circ."""
        if not (self._starts_factor() or ((token := self.peek()) and token.kind == "number")):
            raise Unread("an argument")
        found = self._power_or_degrees()
        while self._starts_factor() and not self.next_is("(", "[", "|", *FUNCTIONS):
            found = _times(found, self._power_or_degrees())
        return found

    def _power_or_degrees(self) -> Expression:
        found = self.power()
        if self.next_is("^") and self._circle():
            self.place += 1
            self._closed_circle()
            return Expression("degrees", (found,))
        return found

    def _styled(self, style: str) -> Expression:
        r"""\mathbf{i}, \vec v, \mathbb{R}: another symbol than the plain letters."""
        token = self.take()
        inside = [token]
        if token.kind == "sign" and token.text == "{":
            inside = []
            while not self.next_is("}"):
                inside.append(self.take())
            self.place += 1
        if style in ("mathbf", "boldsymbol", "bm") and len(inside) == 1:
            if inside[0].kind == "number":
                return self._number(inside[0])
        letters = [one.text for one in inside if one.kind == "letter"]
        if not inside or len(letters) != len(inside):
            raise Unread(style)
        style = "mathbf" if style in ("boldsymbol", "bm") else style
        return self._symbol(f"{style}:{''.join(letters)}")

    def _matrix(self, name: str) -> Expression:
        if name not in _MATRICES:
            raise Unread(name)
        self._deeper()
        if name == "array":
            self.expect("{")
            while not self.next_is("}"):
                self.take()
            self.place += 1
        rows: list[list[Expression]] = [[]]
        while True:
            rows[-1].append(self.sum())
            token = self.take()
            if token.text == "\\\\" and (ahead := self.peek()) and ahead.kind == "end":
                token = self.take()
            if token.kind == "end":
                break
            if token.text == "\\\\":
                rows.append([])
            elif token.text != "&":
                raise Unread("a matrix")
        if token.text != name or len({len(row) for row in rows}) > 1:
            raise Unread("a matrix")
        self.depth -= 1
        parts = tuple(part for row in rows for part in row)
        return Expression("matrix", parts, f"{len(rows)}x{len(rows[0])}")


def _relation(sides: Sequence[Expression], signs: list[str], names: list[str]) -> Expression:
    return Expression("relation", tuple(sides), " ".join(signs), names=tuple(names))


def _simple(term: Expression) -> Expression:
    """A sign and a finished number are a finished number."""
    if term.kind != "negative":
        return term
    (inner,) = term.parts
    if inner.kind == "number" and inner.value is not None and inner.value >= 0:
        return number(-inner.value, inner.name)
    return term


def _over(over: Expression, under: Expression) -> Expression:
    """A quotient; a finished fraction where two whole numbers are in lowest terms."""
    whole = all(part.kind == "number" and part.name == "integer" for part in (over, under))
    if whole and over.value is not None and under.value is not None:
        above, below = int(over.value), int(under.value)
        signs = (above < 0) + (below < 0)
        if abs(below) > 1 and signs < 2 and gcd(above, below) == 1:
            return number(Fraction(above, below), "fraction")
    return _divided(over, under)


def _divided(over: Expression, under: Expression) -> Expression:
    return Expression("quotient", (over, under))


def _times(left: Expression, right: Expression) -> Expression:
    parts = left.parts if left.kind == "product" else (left,)
    return Expression("product", (*parts, right))


def _angle(argument: Expression) -> Expression:
    """An argument of a function, whose only unit may be the degree."""
    if argument.kind == "quantity" and argument.name == "degree":
        return Expression("degrees", argument.parts)
    return argument


def _expanded(parts: list[Expression]) -> tuple[Expression, ...]:
    """Elements, with both of each \\pm."""
    return tuple(
        one for part in parts for one in (part.parts if part.kind == "either sign" else (part,))
    )


def _name(tokens: tuple[Token, ...]) -> str:
    """What a side of a relation names, as x, x_1, f(x), AB or \\text{Area} do; else ""."""
    if len(tokens) == 1 and tokens[0].kind == "words":
        return "" if plain_unit(tokens[0].text) else tokens[0].text
    texts = [token.text for token in tokens]
    said = "".join(f"\\{t}" if t in _GREEK else t for t in texts)
    letter = r"(?:[A-Za-z]|\\[A-Za-z]+)"
    kinds = {token.kind for token in tokens}
    if kinds <= {"letter"} and 2 <= len(tokens) <= 3 and said.isupper():
        return said
    shape = rf"{letter}(?:_(?:[A-Za-z0-9]+|\{{[A-Za-z0-9]+\}}))?'*(?:\^\{{-1\}})?"
    called = rf"(?:\({letter}(?:,{letter})*\)|\([0-9]+\))?"
    pair = rf"\({letter}(?:,{letter})+\)"
    named = re.fullmatch(rf"{shape}{called}|{pair}", said)
    return said.replace("{", "").replace("}", "") if named else ""
