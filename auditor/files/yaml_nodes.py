"""`Node`: a YAML value with its place, and the typed readers of it.

YAML scalars as go-yaml v2 resolves them (`resolve.go`), which is what Kubernetes reads.

YAML 1.1 with go-yaml's own rules: `yes` and `on` are true, `0644` and `0o644` are octal, dates and
sexagesimals are text, unknown tags make text.

Keys that stand twice: no error to Kubernetes, and seldom what was meant.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

import yaml as pyyaml
from msgspec import Struct

Scalar = None | bool | int | float | str

_LITERALS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(
        ("true", "True", "TRUE", "on", "On", "ON", "yes", "Yes", "YES", "y", "Y"), True
    ),
    **dict.fromkeys(
        ("false", "False", "FALSE", "off", "Off", "OFF", "no", "No", "NO", "n", "N"), False
    ),
}
_NUMERIC: Final = re.compile(r"[-+.0-9]")
_INTEGER: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0[bB](?P<two>[01]+)|0[xX](?P<sixteen>[0-9a-fA-F]+)|0[oO]?(?P<eight>[0-7]+)"
    r"|(?P<ten>0|[1-9][0-9]*))"
)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAG: Final = "tag:yaml.org,2002:"
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    f"{_TAG}bool": (bool,),
    f"{_TAG}float": (float, int),
    f"{_TAG}int": (int,),
    f"{_TAG}null": (type(None),),
}
"""What a scalar with one of these tags must be; any other tag makes it text."""
_MAX_DIGITS: Final = 100
_EXACT_INTEGER: Final = 2**53


def tagged_scalar(text: str, tag: str) -> Scalar:
    """A scalar with an explicit tag. Raises ValueError where the text does not fit it."""
    if tag == f"{_TAG}binary":
        joined = text.replace("\r", "").replace("\n", "")
        try:
            return base64.b64decode(joined, validate=True).decode("utf-8", "replace")
        except binascii.Error as error:
            raise ValueError(str(error)) from error
    if tag == f"{_TAG}merge":
        return MergeKey(text)
    if tag not in _TYPES:
        return text
    value = plain_scalar(text)
    if not isinstance(value, _TYPES[tag]) or (isinstance(value, bool) and tag != f"{_TAG}bool"):
        raise ValueError(f"cannot decode `{text}` as a !!{tag.removeprefix(_TAG)}")
    return value


class MergeKey(str):
    """`<<` without quotes: as a key it merges; anywhere else it is text."""

    __slots__ = ()


@lru_cache(maxsize=4096)
def plain_scalar(text: str) -> Scalar:
    """A scalar without quotes or tag. Raises ValueError for what JSON cannot say."""
    if text in _LITERALS:
        return _LITERALS[text]
    if not _NUMERIC.match(text):
        return MergeKey(text) if text == "<<" else text
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} has no JSON form")
    digits = text.replace("_", "")
    if (match := _INTEGER.fullmatch(digits)) and (integer := _integer(match)) is not None:
        return integer
    if _FLOAT.fullmatch(digits) and math.isfinite(number := float(digits)):
        return json_number(number)
    return text


def _integer(match: re.Match[str]) -> int | None:
    """The integer, where Go's int64 or uint64 can hold it."""
    group = match.lastgroup or "ten"
    if len(match[group]) > _MAX_DIGITS:
        return None
    number = int(match[group], {"two": 2, "eight": 8, "ten": 10, "sixteen": 16}[group])
    if match["sign"] == "-":
        number = -number
    return number if -(2**63) <= number < 2**64 else None


def json_number(number: float) -> int | float:
    """A float as Go's JSON encoder writes it: 1000.0 as 1000."""
    return int(number) if number.is_integer() and abs(number) < _EXACT_INTEGER else number


_T = TypeVar("_T")


class ShapeError(Exception):
    """A value of another type than Kubernetes wants there. line and column count from 1."""

    def __init__(self, message: str, node: Node) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, node.line, node.column


class Node:
    """A value with its place: a scalar, a tuple of nodes, or a mapping of nodes. Never changed.

    line, column: of its first character, from 1. keys: where each key of a mapping stands. size:
    how many nodes it stands for with aliases followed. The typed readers raise `ShapeError`; a null
    counts as absent, as it does for the API server. (A plain class: a document has many thousands
    of them, and a frozen dataclass takes four times as long to make.)
    """

    __slots__ = ("value", "line", "column", "keys", "size")

    def __init__(
        self,
        value: Scalar | tuple[Node, ...] | Mapping[str, Node],
        line: int,
        column: int,
        keys: Mapping[str, tuple[int, int]] | None = None,
        size: int = 1,
    ) -> None:
        self.value = value
        self.line = line
        self.column = column
        self.keys = keys
        self.size = size

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, Mapping)

    @property
    def is_sequence(self) -> bool:
        return isinstance(self.value, tuple)

    @property
    def is_text(self) -> bool:
        return isinstance(self.value, str)

    @property
    def type_name(self) -> str:
        """What the value is, for a message."""
        match self.value:
            case None:
                return "null"
            case bool():
                return f"the boolean {str(self.value).lower()}"
            case int() | float():
                return f"the number {self.value}"
            case str():
                return "text"
            case tuple():
                return "a list"
            case _:
                return "a mapping"

    def mapping(self) -> Mapping[str, Node]:
        """The entries in order, nulls left out."""
        if not isinstance(self.value, Mapping):
            raise ShapeError(f"expected a mapping, not {self.type_name}", self)
        return {key: node for key, node in self.value.items() if node.value is not None}

    def items(self) -> tuple[Node, ...]:
        if not isinstance(self.value, tuple):
            raise ShapeError(f"expected a list, not {self.type_name}", self)
        return self.value

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise ShapeError(f"expected text, not {self.type_name}; put it in quotes", self)
        return self.value

    def get(self, key: str) -> Node | None:
        """The value under a key; None where it is absent or null."""
        if not isinstance(self.value, Mapping):
            raise ShapeError(f"expected a mapping with `{key}`, not {self.type_name}", self)
        node = self.value.get(key)
        return None if node is None or node.value is None else node

    def at(self, *path: str) -> Node | None:
        """The value at the end of a path of keys; None where any of them is absent or null."""
        node: Node | None = self
        for key in path:
            if node is None:
                return None
            node = node.get(key)
        return node

    def mapping_at(self, key: str) -> Mapping[str, Node]:
        node = self.get(key)
        return {} if node is None else _named(key, node, node.mapping)

    def items_at(self, key: str) -> tuple[Node, ...]:
        node = self.get(key)
        return () if node is None else _named(key, node, node.items)

    def text_at(self, key: str) -> str:
        """The text under a key; "" where it is absent or null."""
        node = self.get(key)
        return "" if node is None else _named(key, node, node.text)

    def integer_at(self, key: str) -> int | None:
        node = self.get(key)
        if node is None:
            return None
        if isinstance(node.value, bool) or not isinstance(node.value, int):
            raise ShapeError(f"`{key}`: expected a whole number, not {node.type_name}", node)
        return node.value

    def flag_at(self, key: str) -> bool:
        node = self.get(key)
        if node is None:
            return False
        if not isinstance(node.value, bool):
            raise ShapeError(f"`{key}`: expected true or false, not {node.type_name}", node)
        return node.value

    def texts_at(self, key: str) -> dict[str, str]:
        """A mapping of text to text, such as labels."""
        return {
            name: _named(f"{key}.{name}", n, n.text) for name, n in self.mapping_at(key).items()
        }

    def plain(self) -> Any:
        """The value as JSON has it, nulls among it."""
        match self.value:
            case tuple():
                return [item.plain() for item in self.value]
            case Mapping():
                return {key: item.plain() for key, item in self.value.items()}
            case _:
                return self.value

    def key_place(self, key: str) -> tuple[int, int]:
        """Line and column of a key of this mapping; of the mapping where the key is absent."""
        return (self.keys or {}).get(key, (self.line, self.column))


def _named(key: str, node: Node, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except ShapeError as error:
        raise ShapeError(f"`{key}`: {error.message}", node) from error


def repeated_keys(text: str) -> tuple[Node, ...]:
    """The keys that stand twice in a mapping, in document order; Kubernetes takes the last of them.

    What cannot be read has none: `read_documents` says what is wrong with it.
    """
    found: list[Node] = []
    stack = [_Names(set())]
    try:
        for event in pyyaml.parse(text, Loader=pyyaml.CSafeLoader):
            if isinstance(event, pyyaml.NodeEvent):
                found += stack[-1].add(event)
            if isinstance(event, pyyaml.CollectionStartEvent):
                stack.append(_Names(set(), is_mapping=isinstance(event, pyyaml.MappingStartEvent)))
            elif isinstance(event, pyyaml.CollectionEndEvent):
                stack.pop()
    except pyyaml.YAMLError:
        return ()
    return tuple(found)


class _Names(Struct):
    """The keys of a collection so far. at_key: whether a key comes next, not a value."""

    known: set[str]
    is_mapping: bool = False
    at_key: bool = True

    def add(self, event: Any) -> Iterator[Node]:
        """The key that this node repeats, if it does."""
        if self.is_mapping and self.at_key and isinstance(event, pyyaml.ScalarEvent):
            mark: Any = event.start_mark
            if event.value in self.known:
                yield Node(event.value, mark.line + 1, mark.column + 1)
            self.known.add(event.value)
        self.at_key = not self.at_key
