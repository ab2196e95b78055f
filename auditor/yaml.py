"""YAML as the Kubernetes API server reads it, with places. The only module that knows a parser.

Kubernetes decodes with sigs.k8s.io/yaml: a fork of go-yaml v2 to JSON, then JSON to Go structs.
So YAML 1.1 scalars with go-yaml's own rules, the last of two equal keys, unknown tags and `=` as
text. PyYAML's C parser gives the events, `auditor.scalars` reads the scalars. Text is cut at `---`
lines first, as apimachinery's `YAMLReader` does, so one bad document does not hide the others.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import yaml as pyyaml

from auditor.scalars import MergeKey, Scalar, json_number, plain_scalar, tagged_scalar

MAX_DEPTH: Final = 1000
MAX_NODES: Final = 2_000_000
"""Nodes of one document after its aliases are followed: an alias bomb has billions."""

_T = TypeVar("_T")

_SEPARATOR: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class YamlError:
    """A document that is not YAML. line and column count from 1 in the whole text."""

    message: str
    line: int
    column: int


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


def read_documents(text: str, skip: re.Pattern[str] | None = None) -> Iterator[Node | YamlError]:
    """The documents of a text in order; one that cannot be read comes as a `YamlError`.

    Empty documents are left out, and so are those in whose text `skip` is found, unparsed.
    """
    start, first_line = 0, 0
    for end in (*(match.start() for match in _SEPARATOR.finditer(text)), len(text)):
        part = text[start:end]
        if end < len(text) and _holds_directives_alone(part):
            continue  # they belong to the document that the dashes begin
        if not (skip and skip.search(part)):
            yield from _read_part(part, first_line)
        first_line += part.count("\n")
        start = end


def _holds_directives_alone(part: str) -> bool:
    return part.startswith("%") and all(
        line.startswith(("%", "#")) or not line.strip() for line in part.splitlines()
    )


def repeated_keys(text: str) -> tuple[str, ...]:
    """The keys that stand twice in a mapping, in document order; Kubernetes takes the last of them.

    What cannot be read has none: `read_documents` says what is wrong with it.
    """
    found: list[str] = []
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


def _is_tab(text: str, line: int, column: int) -> bool:
    """Whether a tab stands there, in the indentation. libyaml speaks of a "token" then."""
    lines = text.split("\n")
    return (
        line < len(lines)
        and lines[line][column : column + 1] == "\t"
        and (not lines[line][:column].strip())
    )


@dataclass(slots=True)
class _Names:
    """The keys of a collection so far. at_key: whether a key comes next, not a value."""

    known: set[str]
    is_mapping: bool = False
    at_key: bool = True

    def add(self, event: Any) -> Iterator[str]:
        """The key that this node repeats, if it does."""
        if self.is_mapping and self.at_key and isinstance(event, pyyaml.ScalarEvent):
            if event.value in self.known:
                yield event.value
            self.known.add(event.value)
        self.at_key = not self.at_key


def _read_part(part: str, first_line: int) -> Iterator[Node | YamlError]:
    try:
        yield from _Builder(first_line).documents(part)
    except _Refused as refused:
        if part.lstrip().startswith("{"):
            try:  # JSON that YAML cannot read, such as surrogate pairs: right, but without places
                value = json.loads(part, parse_float=_finite, parse_constant=_finite)
                yield _from_json(value, first_line + 1)
                return
            except (ValueError, RecursionError):
                pass
        yield refused.error


def _from_json(value: Any, line: int) -> Node:
    if isinstance(value, dict):
        return Node({key: _from_json(item, line) for key, item in value.items()}, line, 1)
    if isinstance(value, list):
        return Node(tuple(_from_json(item, line) for item in value), line, 1)
    return Node(value, line, 1)


def _finite(text: str) -> int | float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return json_number(number)


class _Refused(Exception):
    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.error = YamlError(message, line, column)


class _Open:
    """A collection whose end has not been seen yet."""

    __slots__ = ("anchor", "items", "line", "column", "is_mapping", "size")

    def __init__(self, event: Any, line: int) -> None:
        self.anchor: str | None = event.anchor
        self.items: list[Node] = []
        self.line, self.column = line, event.start_mark.column + 1
        self.is_mapping = isinstance(event, pyyaml.MappingStartEvent)
        self.size = 1


class _Builder:
    """Nodes from parser events, without recursion: depth is bounded here and nowhere else."""

    def __init__(self, first_line: int) -> None:
        self._first_line = first_line
        self._anchors: dict[str, Node | None] = {}
        self._stack: list[_Open] = []

    def documents(self, part: str) -> Iterator[Node]:
        parser = pyyaml.CSafeLoader(part)
        try:
            while (event := parser.get_event()) is not None:
                node = self._take(event)
                if node is not None and node.value is not None:
                    yield node
        except pyyaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line, mark.column) if mark else (0, 0)
            message = ": ".join(filter(None, (error.context, error.problem))) or str(error)
            if _is_tab(part, line, column):
                message = "a tab cannot indent a line: YAML wants spaces"
            raise _Refused(message, self._first_line + line + 1, column + 1) from error
        except pyyaml.reader.ReaderError as error:
            line = part.count("\n", 0, error.position) if isinstance(error.position, int) else 0
            raise _Refused(str(error.reason), self._first_line + line + 1, 1) from error
        finally:
            parser.dispose()

    def _take(self, event: Any) -> Node | None:
        """The document that this event completes, if it completes one."""
        kind = type(event)
        mark = event.start_mark
        line = self._first_line + mark.line + 1
        if kind is pyyaml.ScalarEvent:
            node = Node(_resolve(event, line), line, mark.column + 1)
            if event.anchor:
                self._anchors[event.anchor] = node
        elif kind is pyyaml.MappingEndEvent or kind is pyyaml.SequenceEndEvent:
            node = self._close(self._stack.pop())
        elif kind is pyyaml.AliasEvent:
            node = self._aliased(event, line)
        else:
            self._open(event, kind, line)
            return None
        if not self._stack:
            return node
        parent = self._stack[-1]
        parent.items.append(node)
        parent.size += node.size
        if parent.size > MAX_NODES:
            raise _Refused("document contains excessive aliasing", line, 1)
        return None

    def _open(self, event: Any, kind: type, line: int) -> None:
        if kind is pyyaml.MappingStartEvent or kind is pyyaml.SequenceStartEvent:
            if len(self._stack) >= MAX_DEPTH:
                raise _Refused(f"nested more than {MAX_DEPTH} deep", line, 1)
            if event.anchor:
                self._anchors[event.anchor] = None
            self._stack.append(_Open(event, line))
        elif kind is pyyaml.DocumentStartEvent:
            self._anchors = {}
            if event.version not in (None, (1, 1)):
                raise _Refused("found incompatible YAML document", line, 1)

    def _aliased(self, event: Any, line: int) -> Node:
        column = event.start_mark.column + 1
        if event.anchor not in self._anchors:
            raise _Refused(f"unknown anchor '{event.anchor}' referenced", line, column)
        node = self._anchors[event.anchor]
        if node is None:
            raise _Refused(f"anchor '{event.anchor}' value contains itself", line, column)
        return node

    def _close(self, opened: _Open) -> Node:
        if opened.is_mapping:
            value, keys = self._mapping(opened.items)
            node = Node(value, opened.line, opened.column, keys, opened.size)
        else:
            node = Node(tuple(opened.items), opened.line, opened.column, None, opened.size)
        if opened.anchor:
            self._anchors[opened.anchor] = node
        return node

    def _mapping(self, items: list[Node]) -> tuple[dict[str, Node], dict[str, tuple[int, int]]]:
        """The last of two equal keys; a merge overrides what stands before it, as in go-yaml v2."""
        value: dict[str, Node] = {}
        places: dict[str, tuple[int, int]] = {}
        for key, node in zip(items[::2], items[1::2], strict=True):
            if isinstance(key.value, MergeKey):
                merged = self._merged(node)
                value.update(merged)
                places.update(dict.fromkeys(merged, (key.line, key.column)))
                continue
            name = _key(key)
            value[name] = node
            places[name] = (key.line, key.column)
        return value, places

    def _merged(self, node: Node) -> dict[str, Node]:
        sources = reversed(node.value) if isinstance(node.value, tuple) else (node,)
        merged: dict[str, Node] = {}
        for source in sources:
            if not isinstance(source.value, Mapping):
                raise _Refused("map merge requires map or sequence of maps", node.line, node.column)
            merged.update(source.value)
        return merged


def _key(node: Node) -> str:
    match node.value:
        case str():
            return node.value
        case bool():
            return "true" if node.value else "false"
        case int() | float():
            return str(node.value)
        case Mapping():
            text = "a mapping as a mapping key; if this is `{{ ... }}`, a template was not rendered"
            raise _Refused(text, node.line, node.column)
        case _:
            raise _Refused(f"{node.type_name} as a mapping key", node.line, node.column)


def _resolve(event: Any, line: int) -> Scalar:
    text: str = event.value
    tag: str = event.tag
    try:
        if not tag:
            return plain_scalar(text) if event.implicit[0] else text
        return tagged_scalar(text, tag)
    except ValueError as error:
        raise _Refused(str(error), line, event.start_mark.column + 1) from error
