r"""Terms: sums, products, powers, and the content of brackets."""

from fractions import Fraction

from ..text.units import currency, plain_unit, to_power
from .commands import BARE_MATRICES, Commands
from .cursor import GREEK, RELATIONS
from .expression import (
    VALUES,
    Expression,
    as_number,
    expanded,
    fraction_of,
    quotient_of,
    simple,
    times,
)
from .tokens import Unread, ungrouped, unit_of

MAX_SETS = 6
"""Most levels of braces within braces."""
MAX_SLASHES = 20
"""Most divisions without brackets: each is one level of the expression."""
_ROOT_SIGNS = {"√": 2, "∛": 3, "∜": 4}
_BETWEEN = {
    "and", "or", "cup", "cap", "setminus", "pm", "circ", "rangle", "rfloor", "rceil", "over",
    "pmod", "choose", "mid",
}  # fmt: skip
"""Commands that no factor begins with."""


class Terms(Commands):
    """The part of the grammar between a unit and a bracket."""

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

    def quantity(self) -> Expression:
        """A sum, with a unit after it or before it if it has one."""
        before = self._currency_before()
        found = self.sum()
        unit = self._unit_behind()
        if before and unit and not unit.startswith("/"):
            raise Unread("two units")
        unit = before + (unit or "") if before else unit
        if unit is None:
            return found
        if found.kind not in VALUES or found.symbols:
            raise Unread("a unit behind a symbol")
        if found.name == "per cent":
            raise Unread("a unit behind a per cent sign")
        if unit == "degree" and any(one.kind == "constant" for one in found.walk()):
            raise Unread("degrees of what is an angle")
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
        if self.next_is("^") and self.circle_ahead():
            self.place += 1
            self.take_circle()
            letter = self.peek()
            if letter and letter.text in ("C", "F") and letter.kind in ("letter", "words"):
                self.place += 1
                return letter.text
            return "degree"
        if token.kind == "words" and token.text.startswith("per "):  # \\$5 per hour
            under = plain_unit(token.text.removeprefix("per "))
            self.place += under is not None
            return f"/{under}" if under else None
        if (unit := unit_of(token)) is None:
            return None
        self.place += 1
        unit = self._raised_unit(unit)
        if self.next_is("/") and (token := self.peek(1)) and (under := unit_of(token)):
            self.place += 2
            unit = self._raised_unit(f"{unit}/{under}")
        return unit

    def _raised_unit(self, unit: str) -> str:
        """A unit with the exponent after it, if it has one."""
        if not self.next_is("^"):
            return unit
        self.place += 1
        power = self.take()
        if power.text == "{":
            power = self.take()
            self.expect("}")
        found = to_power(unit, power.text)
        if found is None:
            raise Unread("a unit")
        return found

    def sum(self) -> Expression:
        terms: list[Expression] = []
        while True:
            negative = False
            if self.next_is("+", "-", "pm"):
                negative = self._sign() == "-"
            elif terms:
                break
            term = self.product()
            if negative and term.kind == "based":
                term = Expression("based", name=f"-{term.name}")
            elif negative:
                term = simple(Expression("negative", (term,)))
            terms.append(term)
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
        found, slashed = self.power(), False
        while True:
            if self.next_is("*"):
                self.place += 1
                found, slashed = times(found, self.power()), False
            elif self.next_is("/", "÷"):
                # 5/2 is a number, and 5 ÷ 2 what is left to be computed
                self.slashes += 1
                if self.slashes > MAX_SLASHES:
                    raise Unread("many divisions")
                combine = fraction_of if self.take().text == "/" else quotient_of
                found, slashed = combine(found, self.power()), True
            elif self.starts_factor():
                if slashed:
                    raise Unread("1/2x")
                found = times(found, self.power())
            else:
                return found

    def starts_factor(self) -> bool:
        """Tell whether a factor follows without a sign between; never a number: 3 4, x2."""
        token = self.peek()
        if token is None:
            return False
        if token.kind == "sign":
            return token.text in ("(", "[", "{", *_ROOT_SIGNS) or (
                token.text == "|" and not self.bars
            )
        if token.kind == "command":
            return token.text not in RELATIONS and token.text not in _BETWEEN
        if token.kind == "number":  # 3 + i4
            before = self.tokens[self.place - 1] if self.place else None
            return before is not None and before.kind == "letter" and before.text == "i"
        return token.kind in ("letter", "begin")

    def _with_fraction(self, whole: Expression) -> Expression:
        r"""A whole number with a proper fraction after it, as one number: 2\frac{1}{2} or 2 1/2."""
        start = self.place
        if whole.kind != "number" or whole.name != "integer" or whole.value is None:
            return whole
        if self.next_is("frac"):
            self.place += 1
            part = self.fraction()
        elif self._slashed_ahead():
            upper, _, lower = self.take(), self.take(), self.take()
            part = fraction_of(self.number_of(upper), self.number_of(lower))
        else:
            return whole
        if part.name == "fraction" and part.value is not None and 0 < part.value < 1:
            return as_number(whole.value + part.value, "mixed")
        self.place = start
        return whole

    def _slashed_ahead(self) -> bool:
        """Tell whether "1/2" follows, and nothing that would be part of it."""
        upper, slash, lower, behind = (self.peek(ahead) for ahead in range(4))
        if not all(t and t.kind == "number" and t.form == "integer" for t in (upper, lower)):
            return False
        ends = behind is None or behind.kind == "words" or behind.text in (",", ";", "=", ")", "}")
        return ends and slash is not None and slash.text == "/"

    def power(self) -> Expression:
        found = self._with_fraction(self.primary())
        if found.kind == "symbol" and self.next_is("_"):  # {x}_1
            found = self.symbol(found.name)
        while self.next_is("!"):
            self.place += 1
            if found.kind == "call" and found.name == "factorial":
                raise Unread("!!")
            found = Expression("call", (found,), "factorial")
        if self.next_is("%"):
            self.place += 1
            if found.kind != "number" or found.value is None or found.name == "per cent":
                raise Unread("%")
            found = as_number(found.value / 100, "per cent")
        if self.next_is("^") and not self.circle_ahead():
            self.place += 1
            found = Expression("power", (found, self.raised()))
            if self.next_is("^", "!"):
                raise Unread("a power of a power without brackets")
        return found

    def raised(self) -> Expression:
        """The expression after "^": a group, a letter, a number, or a number with its sign."""
        if self.next_is("-"):
            self.place += 1
            token = self.peek()
            if token is None or token.kind not in ("number", "letter"):
                raise Unread("^-")
            return simple(Expression("negative", (self.primary(),)))
        if self.next_is("(", "{") or (token := self.peek()) is None:
            return self.primary()
        if token.kind in ("number", "letter") or token.text in ("pi", "frac", *GREEK):
            return self.primary()
        raise Unread("^")

    def primary(self) -> Expression:
        token = self.take()
        if token.kind == "number":
            return self.number_of(token)
        if token.kind == "letter":
            return self.symbol(token.text)
        if token.kind == "begin":
            return self.matrix(token.text)
        if token.kind == "sign" and token.text in ("{", "(", "[", "\\{", "|", *_ROOT_SIGNS):
            return self.bracketed(token.text)
        if token.kind == "command":
            return self.command(token)
        raise Unread(token.text)

    def bracketed(self, opening: str) -> Expression:
        if opening in _ROOT_SIGNS:
            self.deeper()
            index = as_number(Fraction(_ROOT_SIGNS[opening]), "integer")
            root = Expression("root", (self.primary(), index))
            self.depth -= 1
            return root
        self.deeper()
        if opening == "{":
            found = self._group()
            self.expect("}")
        elif opening == "|":
            self.bars += 1
            found = Expression("call", (self.sum(),), "abs")
            self.bars -= 1
            self.expect("|")
        else:
            found = self.elements(opening)
        self.depth -= 1
        return found

    def _group(self) -> Expression:
        r"""The inside of braces: a sum, an angle in degrees, 3 \over 4."""
        found = self.sum()
        if self.next_is("over"):
            self.place += 1
            return fraction_of(found, self.sum())
        if self.next_is("choose"):
            self.place += 1
            return Expression("call", (found, self.sum()), "binom")
        if self.next_is("^") and self.circle_ahead():
            self.place += 1
            self.take_circle()
            return Expression("quantity", (found,), "degree")
        return found

    def elements(self, opening: str) -> Expression:
        """The inside of brackets: a group, or elements with commas between."""
        if opening == "\\{" and self.depth > MAX_SETS:
            raise Unread("sets of sets of sets")
        outside = self.bars, self.plus_minus
        self.bars = 0
        if opening == "\\{" and self.depth < 3:
            self.plus_minus = ""  # \{\pm 2\} has two elements
        if opening == "\\{" and (condition := self._condition()) is not None:
            self.bars, self.plus_minus = outside
            return condition
        self._split_numbers()
        first = self.peek()
        bare_matrix = first is not None and first.kind == "begin" and first.text in BARE_MATRICES
        parts: list[Expression] = []
        if opening != "\\{" or not self.next_is("\\}"):
            parts.append(self.either())
        while self.next_is(",", ";"):
            self.place += 1
            parts.append(self.either())
        closing = self.take().text
        self.bars, self.plus_minus = outside
        if opening == "\\{" and closing == "\\}":
            return Expression("set", expanded(parts))
        alone = len(parts) == 1 and (opening == "(" or (bare_matrix and parts[0].kind == "matrix"))
        if alone and closing == {"(": ")", "[": "]"}.get(opening):
            return parts[0]
        alike = (opening, closing) in (("(", ")"), ("[", "]"), ("langle", "rangle"))
        mixed = (opening, closing) in (("(", "]"), ("[", ")")) and len(parts) == 2
        if not (alike or mixed):
            raise Unread("brackets")
        return Expression("bracket", tuple(parts), f"{opening} {closing}")

    def _condition(self) -> Expression | None:
        r"""The set \{x | x > 2\} after its opening brace; None for other sets."""
        symbol, bar = self.peek(), self.peek(1)
        if symbol is None or bar is None or bar.text not in ("|", ":", "mid"):
            return None
        if symbol.kind != "letter":
            return None
        self.place += 2
        condition = self.whole()
        self.expect("\\}")
        return Expression("condition", (Expression("symbol", name=symbol.text), condition))

    def _split_numbers(self) -> None:
        """Take 1,234 as two numbers up to the closing bracket; (1,000) is one."""
        end, depth = self.place, 1
        while end < len(self.tokens) and depth:
            token = self.tokens[end]
            if token.kind in ("sign", "command"):
                depth += token.text in ("(", "[", "\\{", "langle")
                depth -= token.text in (")", "]", "\\}", "rangle")
            end += bool(depth)
        inside = self.tokens[self.place : end]
        if len(inside) > 1 or not any(",0" in token.text for token in inside):
            self.tokens = (*self.tokens[: self.place], *ungrouped(inside), *self.tokens[end:])
