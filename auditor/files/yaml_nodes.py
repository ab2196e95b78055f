"""YAML nodes with locations, and the resolution of scalars as in go-yaml v2.

Kubernetes uses go-yaml v2 (`resolve.go`), which has its own variant of YAML 1.1: `yes` and `on` are
true, `0644` and `0o644` are octal; dates, sexagesimal numbers and unknown tags give strings.
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

_T = TypeVar("_T")


class ShapeError(Exception):
    """A value of the wrong type. line and column count from 1."""

    def __init__(self, message: str, node: Node) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, node.line, node.column


class Node:
    """An immutable value with its location: a scalar, a tuple of nodes, or a mapping of nodes.

    Typed readers raise `ShapeError`; null counts as absent, as in the API server. It is a plain
    class because documents have many thousands of nodes, and frozen dataclasses are four times
    slower to create.

    Attributes:
        line: Of the first character, from 1.
        column: Of the first character, from 1.
        keys: Line and column of each key of a mapping.
        size: Number of nodes, with aliases expanded.
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
        """The type of the value, for messages."""
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
        """Return the entries in order, without null values."""
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
        """Return the value under a key, or None if it is absent or null."""
        if not isinstance(self.value, Mapping):
            raise ShapeError(f"expected a mapping with `{key}`, not {self.type_name}", self)
        node = self.value.get(key)
        return None if node is None or node.value is None else node

    def at(self, *path: str) -> Node | None:
        """Return the value at a path of keys, or None if one of them is absent or null."""
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
        """Return the string under a key, or "" if it is absent or null."""
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
        """Return a mapping of strings to strings, such as labels."""
        return {
            name: _named(f"{key}.{name}", n, n.text) for name, n in self.mapping_at(key).items()
        }

    def plain(self) -> Any:
        """Return the value as in JSON, including nulls."""
        match self.value:
            case tuple():
                return [item.plain() for item in self.value]
            case Mapping():
                return {key: item.plain() for key, item in self.value.items()}
            case _:
                return self.value

    def key_place(self, key: str) -> tuple[int, int]:
        """Return line and column of a key, or those of the mapping if the key is absent."""
        return (self.keys or {}).get(key, (self.line, self.column))


def _named(key: str, node: Node, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except ShapeError as error:
        raise ShapeError(f"`{key}`: {error.message}", node) from error


def repeated_keys(text: str) -> tuple[Node, ...]:
    """Return the duplicate keys of mappings in document order; Kubernetes uses the last one.

    Returns none for invalid YAML; `read_documents` reports that.
    """
    found: list[Node] = []
    stack = [_Keys(set())]
    try:
        for event in pyyaml.parse(text, Loader=pyyaml.CSafeLoader):
            if isinstance(event, pyyaml.NodeEvent):
                found += stack[-1].add(event)
            if isinstance(event, pyyaml.CollectionStartEvent):
                stack.append(_Keys(set(), is_mapping=isinstance(event, pyyaml.MappingStartEvent)))
            elif isinstance(event, pyyaml.CollectionEndEvent):
                stack.pop()
    except pyyaml.YAMLError:
        return ()
    return tuple(found)


class _Keys(Struct):
    """The keys of a collection so far. `at_key`: the next node is a key."""

    known: set[str]
    is_mapping: bool = False
    at_key: bool = True

    def add(self, event: Any) -> Iterator[Node]:
        """Yield the node if it is a duplicate key."""
        if self.is_mapping and self.at_key and isinstance(event, pyyaml.ScalarEvent):
            mark: Any = event.start_mark
            if event.value in self.known:
                yield Node(event.value, mark.line + 1, mark.column + 1)
            self.known.add(event.value)
        self.at_key = not self.at_key


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
"""Types allowed for a scalar with one of these tags; any other tag makes it a string."""
_MAX_DIGITS: Final = 100
_EXACT_INTEGER: Final = 2**53


def tagged_scalar(text: str, tag: str) -> Scalar:
    """Resolve a scalar with an explicit tag. Raises ValueError if the text does not match it."""
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
    """An unquoted `<<`: as a key it merges; elsewhere it is a string."""

    __slots__ = ()


@lru_cache(maxsize=4096)
def plain_scalar(text: str) -> Scalar:
    """Resolve a scalar without quotes or tag. Raises ValueError if JSON cannot represent it."""
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
    """Return the integer, or None if it exceeds Go's int64 and uint64."""
    group = match.lastgroup or "ten"
    if len(match[group]) > _MAX_DIGITS:
        return None
    number = int(match[group], {"two": 2, "eight": 8, "ten": 10, "sixteen": 16}[group])
    if match["sign"] == "-":
        number = -number
    return number if -(2**63) <= number < 2**64 else None


def json_number(number: float) -> int | float:
    """Return a float as Go's JSON encoder writes it: 1000.0 as 1000."""
    return int(number) if number.is_integer() and abs(number) < _EXACT_INTEGER else number
