"""The language of `--filter`: which messages and connections are shown.

    expression  either of:  TEST and TEST    TEST or TEST    not TEST    (expression)
    TEST        PROPERTY    PROPERTY OPERATOR VALUE    PROPERTY in (VALUE, VALUE, ...)
    OPERATOR    ==  !=  <  <=  >  >=  contains  matches (a regular expression)
    VALUE       a word or number, or anything in quotes

`not` binds closest, then `and`, then `or`; `!`, `&&` and `||` are the same. A property by itself
asks whether it is there, and not false or empty. One with several values passes where any of them
does; `a != b` is `not a == b`. Text is compared without regard to case, a code point by its name or
number, bytes as hex or as text, an address with another one or with a network (192.0.2.0/24).
`tools.parsing.filter_properties` has the properties.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import chain
from textwrap import wrap

from schemas.vocabulary import CodePoint
from tools.exit_status import ExitStatus
from tools.failures import CommandError
from tools.parsing.filter_properties import (
    CONNECTION_PROPERTIES,
    MESSAGE_PROPERTIES,
    WORDS,
    Candidate,
    Need,
    Property,
    UnknownPropertyError,
    Value,
    closest,
    find_property,
    shortened,
)

MOST_NESTED = 50
"""How deep brackets and `not` may go."""


class FilterError(CommandError):
    """An expression that means nothing. `position` counts characters from 1."""

    def __init__(self, what: str, position: int, hint: str = "") -> None:
        super().__init__(f"--filter, character {position}: {what}", hint, status=ExitStatus.USAGE)
        self.position = position


@dataclass(frozen=True, slots=True)
class Filter:
    """What passes, and how much of a connection has to be known to tell."""

    passes: Callable[[Candidate], bool]
    need: Need
    about_messages: bool
    """Whether it asks for anything of single messages."""


EVERYTHING = Filter(lambda candidate: True, Need.nothing, False)


def parse_filter(text: str) -> Filter:
    """The filter that an expression describes. Raises FilterError."""
    return _Parser(text).parse()


Test = Callable[[Candidate], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<operator>==|!=|<=|>=|=|<|>|&&|\|\||!|[(),])|(?P<quoted>"(?:[^"\\]|\\.)*"|'[^']*')"""
    r"""|(?P<word>[^\s()<>=!,"'&|]+)|(?P<other>\S))"""
)
_SAME = {"&&": "and", "||": "or", "!": "not", "=": "=="}


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    position: int
    is_quoted: bool = False

    def says(self, *words: str) -> bool:
        return not self.is_quoted and self.text in words


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0
        self._properties: list[Property] = []

    def parse(self) -> Filter:
        test = self._either()
        if not self._next.says(""):
            raise FilterError(
                f"{shortened(self._next.text)!r} where the expression should end", self._next.position, _JOINT
            )
        need = max((each.need for each in self._properties), default=Need.nothing)
        return Filter(test, need, any(each.of_message for each in self._properties))

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += not token.says("")
        return token

    def _either(self) -> Test:
        tests = [self._both()]
        while self._next.says("or"):
            self._take()
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda candidate: any(test(candidate) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._next.says("and"):
            self._take()
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda candidate: all(test(candidate) for test in tests)

    def _one(self) -> Test:
        token = self._take()
        if not token.says("not", "("):
            return self._test(token)
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise FilterError(f"nested more than {MOST_NESTED} deep", token.position)
        if token.text == "not":
            denied = self._one()
            self._depth -= 1
            return lambda candidate: not denied(candidate)
        inner = self._either()
        self._expect(")", token)
        self._depth -= 1
        return inner

    def _expect(self, bracket: str, opening: _Token) -> None:
        token = self._take()
        if not token.says(bracket):
            found = repr(shortened(token.text)) if token.text else "the end"
            what = f"{found} where the bracket of character {opening.position} should close"
            raise FilterError(what, token.position)

    def _test(self, token: _Token) -> Test:
        asked = self._property(token)
        self._properties.append(asked)
        read, operator = asked.read, self._next
        if operator.says("==", "!=", "<", "<=", ">", ">=", "contains", "matches"):
            self._take()
            compare = _comparison(operator.text, self._value(operator), asked)
            if operator.text == "!=":
                return lambda candidate: not any(map(compare, read(candidate)))
            return lambda candidate: any(map(compare, read(candidate)))
        if operator.says("in"):
            self._take()
            equals = [_comparison("==", each, asked) for each in self._values(operator)]
            return lambda candidate: any(equal(value) for value in read(candidate) for equal in equals)
        return lambda candidate: any(value is not False and value != "" for value in read(candidate))

    def _property(self, token: _Token) -> Property:
        if token.is_quoted or not re.fullmatch(r"[A-Za-z]\w*(\.\w+)*", token.text):
            found = repr(shortened(token.text)) if token.text else "the end"
            raise FilterError(f"{found} where a property should stand", token.position, "like version == TLS13")
        try:
            return find_property(token.text)
        except UnknownPropertyError as error:
            raise FilterError(str(error), token.position, error.hint) from None

    def _value(self, operator: _Token) -> _Token:
        token = self._take()
        if not token.is_quoted and (not token.text or not re.match(r"[^()<>=!,]", token.text)):
            found = repr(shortened(token.text)) if token.text else "the end"
            raise FilterError(f"{found} where a value should stand", token.position, f"put it behind {operator.text}")
        return token

    def _values(self, operator: _Token) -> list[_Token]:
        opening = self._take()
        if not opening.says("("):
            raise FilterError("no bracket behind in", opening.position, "like group in (x25519, secp256r1)")
        values = [self._value(operator)]
        while self._next.says(","):
            self._take()
            values.append(self._value(operator))
        self._expect(")", opening)
        return values


_JOINT = "join tests by and, or"


def _tokens(text: str) -> Iterable[_Token]:
    for match in _TOKEN.finditer(text):
        position = match.start(match.lastgroup or 0) + 1
        found = match[match.lastgroup or 0]
        match match.lastgroup:
            case "quoted":
                yield _Token(re.sub(r"\\(.)", r"\1", found[1:-1]), position, True)
            case "other":
                hint = "close the quotes" if found in "\"'" else ""
                raise FilterError(f"{found!r} means nothing here", position, hint)
            case _:
                yield _Token(_SAME.get(found, found), position)
    yield _Token("", len(text) + 1)


def _comparison(operator: str, token: _Token, asked: Property) -> Callable[[Value], bool]:
    """What one value is held against. Raises FilterError for what the property can never be."""
    match operator:
        case "contains":
            text = token.text.casefold()
            return lambda value: any(text in each for each in _texts(value))
        case "matches":
            try:
                pattern = re.compile(token.text, re.IGNORECASE)
            except re.error as error:
                raise FilterError(f"no pattern: {error}", token.position) from None
            return lambda value: any(map(pattern.search, _texts(value)))
        case "==" | "!=" if asked.is_address:
            return _in_network(token, asked)
        case "==" | "!=":
            return _equality(token, asked)
        case _:
            return _order(operator, token, asked)


def _equality(token: _Token, asked: Property) -> Callable[[Value], bool]:
    text, number = token.text.casefold(), _number(token, asked)
    words = _words(asked)
    if words and text not in words:
        what, hint = f"{asked.name} is never {shortened(token.text)!r}", f"it is {', '.join(words[:-1])} or {words[-1]}"
        raise FilterError(what, token.position, hint if len(hint) <= _SHORT_LIST else "--filter-help has its values")

    def equal(value: Value) -> bool:
        if isinstance(value, bool):
            return value is (text == "true")
        if isinstance(value, bytes):
            return value.hex() == text or value == token.text.encode()
        if isinstance(value, CodePoint):
            return value == number or (number is None and str(value).casefold() == text)
        return value == number if isinstance(value, int | float) else value.casefold() == text

    return equal


def _in_network(token: _Token, asked: Property) -> Callable[[Value], bool]:
    try:
        network = ip_network(token.text, strict=False)
    except ValueError:
        what = f"{shortened(token.text)!r} is no address, which {asked.name} is"
        raise FilterError(what, token.position, "like 192.0.2.1 or 192.0.2.0/24") from None
    return lambda value: ip_address(str(value)) in network


_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def _order(operator: str, token: _Token, asked: Property) -> Callable[[Value], bool]:
    number, holds = _number(token, asked), _ORDERS[operator]
    if number is None:
        raise FilterError(f"{shortened(token.text)!r} is no number, which {operator} takes", token.position)
    return lambda value: isinstance(value, int | float) and holds(value, number)


def _number(token: _Token, asked: Property) -> float | None:
    """The number that a value is or names, None where it is neither. Raises FilterError where it has to be one."""
    if asked.choices is not None:
        return _choice(token, asked, asked.choices)
    try:
        return int(token.text, 0)
    except ValueError:
        pass
    try:
        return float(token.text)
    except ValueError:
        if asked.is_number:
            raise FilterError(
                f"{shortened(token.text)!r} is no number, which {asked.name} is", token.position
            ) from None
        return None


def _choice(token: _Token, asked: Property, registry: type[CodePoint]) -> int:
    for name, member in registry.__members__.items():
        if name.casefold() == token.text.casefold():
            return int(member)
    try:
        return int(token.text, 0)
    except ValueError:
        meant = closest(token.text, registry.__members__)
        hint = f"did you mean {meant}?" if meant else "give its name or number"
        raise FilterError(f"{shortened(token.text)!r} is no {registry.__name__}", token.position, hint) from None


def _words(asked: Property) -> list[str]:
    return [each.value for each in WORDS.get(asked.name, ())]


_SHORT_LIST = 48
"""So long a list is told in an error."""


def _texts(value: Value) -> tuple[str, ...]:
    """A value as what can be searched: bytes are hexadecimal, and the text that some of them may be."""
    if isinstance(value, bytes):
        return value.hex(), value.decode("latin-1").casefold()
    return (str(value).casefold(),)


def filter_help() -> str:
    """The language and all properties, for people."""
    grammar = (__doc__ or "").split("`tools.parsing.filter_properties`")[0].rstrip()
    parts = [grammar]
    for heading, properties in (("Of a connection", CONNECTION_PROPERTIES), ("Of a message", MESSAGE_PROPERTIES)):
        parts.append("\n".join([f"{heading}:", *chain.from_iterable(map(_lines, properties))]))
    parts.append(_PATHS)
    return "\n\n".join(parts)


def _lines(which: Property) -> list[str]:
    words = _words(which)
    doc = f"{which.doc}: {', '.join(words)}" if words else which.doc
    return wrap(doc, _HELP_WIDTH, initial_indent=f"    {which.name:<17} ", subsequent_indent=" " * 22)


_HELP_WIDTH = 100
_PATHS = """\
Every field of every message, by the names that its tree has, extensions and their fields included:
    client_hello.cipher_suites == TLS_AES_128_GCM_SHA256
    client_hello.server_name.name contains example
    server_hello.key_share.group in (x25519, X25519MLKEM768)
    new_session_ticket.ticket_lifetime > 86400
    alert.description != close_notify"""
