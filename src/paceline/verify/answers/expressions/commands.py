r"""Commands: \\frac, \\sqrt, functions, letters in other styles, matrices."""

from fractions import Fraction

from .cursor import CONSTANTS, GREEK, Cursor
from .expression import Expression, as_number, fraction_of, simple, times
from .tokens import FUNCTIONS, STYLES, Token, Unread

_CLOSING = {"lfloor": "rfloor", "lceil": "rceil"}
BARE_MATRICES = {"matrix", "smallmatrix", "array"}
"""Matrices without brackets of their own."""
_MATRICES = BARE_MATRICES | {"pmatrix", "bmatrix", "Bmatrix"}


class Commands(Cursor):
    """The part of the grammar that begins with a command."""

    def command(self, token: Token) -> Expression:
        self.deeper()
        found = self._known_command(token.text, plain=token.form == "plain")
        self.depth -= 1
        return found

    def _known_command(self, name: str, plain: bool) -> Expression:
        if name == "frac":
            return self.fraction()
        if name in ("sqrt", "cbrt"):
            return self._root(name, plain)
        if name == "binom":
            return Expression("call", (self._argument(), self._argument()), "binom")
        if name in FUNCTIONS or name == "abs":
            return self._function(name)
        if name in CONSTANTS:
            return Expression("constant", name=name)
        if name == "emptyset":
            return Expression("set")
        if name in GREEK:
            return self.symbol(name)
        if name in STYLES:
            return self._styled(name)
        if name == "langle":
            return self.elements(name)
        if name in ("lfloor", "lceil"):
            found = Expression("call", (self.sum(),), "floor" if name == "lfloor" else "ceiling")
            self.expect(_CLOSING[name])
            return found
        raise Unread(name)

    def _argument(self, digits: int = 1) -> Expression:
        """An argument of a command: a group in braces, one letter, or a number of few digits."""
        token = self.take()
        if token.kind == "sign" and token.text == "{":
            return self.bracketed("{")
        if token.kind == "letter":
            return self.symbol(token.text)
        if token.kind == "number" and token.form == "integer" and len(token.text) <= digits:
            return self.number_of(token)
        if token.kind == "command" and token.text in (*CONSTANTS, *GREEK, *STYLES):
            return self.command(token)
        raise Unread("an argument")

    def fraction(self) -> Expression:
        token = self.peek()
        if token is not None and token.form == "integer" and len(token.text) == 2:  # \frac12
            self.place += 1
            over, under = (as_number(Fraction(int(digit)), "integer") for digit in token.text)
            return fraction_of(over, under)
        over = self._argument()
        return fraction_of(over, self._argument())

    def _root(self, name: str, plain: bool) -> Expression:
        index = as_number(Fraction(3 if name == "cbrt" else 2), "integer")
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
            raised = self.raised()
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
        if raised == simple(Expression("negative", (as_number(Fraction(1), "integer"),))):
            if name not in ("sin", "cos", "tan"):
                raise Unread("^{-1}")
            name, raised = f"arc{name}", None
        found = Expression("call", (*arguments, *base), name)
        return found if raised is None else Expression("power", (found, raised))

    def _called(self) -> tuple[Expression, ...]:
        """The arguments in the brackets after a function."""
        opening = self.take().text
        found = self.bracketed(opening)
        called = found.kind == "bracket" and found.name == "( )"
        return tuple(map(angle, found.parts if called else (found,)))

    def _loose_argument(self) -> Expression:
        r"""The argument of a function without brackets: \sin 2x, \ln|x|, \cos 30^\circ."""
        if not (self.starts_factor() or ((token := self.peek()) and token.kind == "number")):
            raise Unread("an argument")
        found = self._power_or_degrees()
        while self.starts_factor() and not self.next_is("(", "[", "|", *FUNCTIONS):
            found = times(found, self._power_or_degrees())
        return found

    def _power_or_degrees(self) -> Expression:
        found = self.power()
        if self.next_is("^") and self.circle_ahead():
            self.place += 1
            self.take_circle()
            return Expression("degrees", (found,))
        return found

    def _styled(self, style: str) -> Expression:
        r"""A letter in another style, which is another symbol than the plain letter: \mathbf{i},
        \vec v, \mathbb{R}."""
        token = self.take()
        inside = [token]
        if token.kind == "sign" and token.text == "{":
            inside = []
            while not self.next_is("}"):
                inside.append(self.take())
            self.place += 1
        bold = style in ("mathbf", "boldsymbol", "bm")
        if bold and len(inside) == 1 and inside[0].kind == "number":
            return self.number_of(inside[0])
        letters = [one.text for one in inside if one.kind == "letter"]
        if not inside or len(letters) != len(inside):
            raise Unread(style)
        style = "mathbf" if bold else style
        return self.symbol(f"{style}:{''.join(letters)}")

    def matrix(self, name: str) -> Expression:
        if name not in _MATRICES:
            raise Unread(name)
        self.deeper()
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


def angle(argument: Expression) -> Expression:
    """An argument of a function, whose only unit may be the degree."""
    if argument.kind == "quantity" and argument.name == "degree":
        return Expression("degrees", argument.parts)
    return argument
