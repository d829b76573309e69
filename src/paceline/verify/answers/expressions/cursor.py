"""The tokens of an answer and a position in them, which every part of the grammar needs."""

from abc import ABC, abstractmethod

from .expression import Expression, as_number, numeral
from .tokens import Token, Unread

MAX_DEPTH = 40
"""Most levels of brackets within brackets."""
RELATIONS = {"=": "=", "<": "<", ">": ">"} | {
    name: name for name in ("le", "ge", "ne", "in", "approx", "equiv", "sim", "cong")
}
"""Relation signs, and their names."""
CONSTANTS = {"pi", "infty"}
"""Commands that are numbers."""
GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
    "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma",
    "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega", "ell",
    "hbar",
}  # fmt: skip
"""Commands that are letters."""


class Cursor(ABC):
    """Tokens and a position in them. The grammar is in the subclasses: `commands`, `terms` and
    `reader`, each of which may ask for parts of the grammar above it."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self.tokens, self.place, self.depth = tokens, 0, 0
        self.slashes = 0  # divisions so far
        self.bars = 0  # open "|" around the place
        self.plus_minus = ""  # the sign that \pm stands for at present
        self.signs_met = 0  # how often it stood there

    def next_is(self, *texts: str) -> bool:
        """Tell whether the next token is one of these signs or commands."""
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

    @abstractmethod
    def whole(self) -> Expression:
        """A relation, or a list of them."""

    @abstractmethod
    def sum(self) -> Expression:
        """Terms with signs between."""

    @abstractmethod
    def power(self) -> Expression:
        """A primary, with "!", "%" and an exponent behind it."""

    @abstractmethod
    def primary(self) -> Expression:
        """A number, a symbol, a function, or the content of brackets."""

    @abstractmethod
    def raised(self) -> Expression:
        """The expression after "^"."""

    @abstractmethod
    def bracketed(self, opening: str) -> Expression:
        """The expression after an opening bracket, up to the closing one."""

    @abstractmethod
    def elements(self, opening: str) -> Expression:
        """The inside of brackets: a group, or elements with commas between."""

    @abstractmethod
    def starts_factor(self) -> bool:
        """Tell whether a factor follows without a sign between."""

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unread("many brackets")

    def number_of(self, token: Token) -> Expression:
        assert token.value is not None
        if self.next_is("_"):
            self.place += 1
            based = numeral(token.text, self.subscript())
            if based is None:
                raise Unread("a base")
            return based
        return as_number(token.value, "integer" if token.form == "grouped" else token.form)

    def symbol(self, name: str) -> Expression:
        if self.next_is("_"):
            self.place += 1
            name += f"_{self.subscript()}"
        while self.next_is("'"):
            self.place += 1
            name += "'"
        if name in ("e", "i"):
            return Expression("constant", name=name)
        return Expression("symbol", name=name)

    def subscript(self) -> str:
        """Letters and digits after "_"."""
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
            and one.text not in (",", "+", "-", *GREEK)
            for one in inside
        ):
            raise Unread("_")
        return "".join(one.text for one in inside)

    def circle_ahead(self) -> bool:
        ahead = self.peek(1)
        if ahead is not None and ahead.text == "{":
            ahead = self.peek(2)
        return ahead is not None and ahead.kind == "command" and ahead.text == "circ"

    def take_circle(self) -> None:
        r"""Take a degree sign after "^": circ, or circ in braces."""
        if self.take().text == "{":
            self.expect("circ")
            self.expect("}")
