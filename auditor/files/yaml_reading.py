"""Read YAML as the Kubernetes API server does, with locations.

Kubernetes uses sigs.k8s.io/yaml: a fork of go-yaml v2 converts YAML to JSON, which is decoded into
Go structs. Thus scalars follow YAML 1.1 and go-yaml, the last duplicate key is used, and unknown
tags and `=` give strings. Text is split at `---` lines first, as in apimachinery's `YAMLReader`,
so that an invalid document does not hide the others.

`Builder` converts the events of PyYAML's C parser. `Word` searches large files for a word before
parsing: it may report a word that is no scalar, but never misses one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import yaml as pyyaml
from msgspec import Struct

from auditor.files.yaml_nodes import (
    MergeKey,
    Node,
    Scalar,
    json_number,
    plain_scalar,
    tagged_scalar,
)

if TYPE_CHECKING:
    import mmap


_SEPARATOR: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_JSON_START: Final = re.compile(r"[^ \t\r\n]")


class YamlError(Struct, frozen=True):
    """A document that is not YAML. line and column count from 1 in the whole text."""

    message: str
    line: int
    column: int


def read_documents(
    text: str, skip: Callable[[str], bool] = lambda _: False
) -> Iterator[Node | YamlError]:
    """Yield the documents of a text in order, with a `YamlError` for each invalid one.

    Empty documents are omitted, as are those for whose text `skip` returns true.
    """
    for _, first_line, part in split_documents(text):
        if not skip(part):
            yield from _read_part(part, first_line)


def split_documents(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield index, number of lines before, and text of each part between `---` lines."""
    start, first_line = 0, 0
    for end in (*(match.start() for match in _SEPARATOR.finditer(text)), len(text)):
        part = text[start:end]
        if end < len(text) and _has_only_directives(part):
            continue  # they belong to the next document
        yield start, first_line, part
        first_line += part.count("\n")
        start = end


def _has_only_directives(part: str) -> bool:
    return part.startswith("%") and all(
        line.startswith(("%", "#")) or not line.strip() for line in part.splitlines()
    )


def _read_part(part: str, first_line: int) -> Iterator[Node | YamlError]:
    read = 0
    try:
        for node in Builder(first_line).documents(part):
            yield node
            read += 1
    except Refused as refused:
        if part.lstrip().startswith("{"):
            try:  # valid JSON that is not YAML, such as surrogate pairs: without locations
                values = tuple(_json_values(part, first_line + 1))
            except (ValueError, RecursionError):
                pass
            else:
                yield from values[read:]
                return
        yield YamlError(refused.message, refused.line, refused.column)


def _json_values(part: str, line: int) -> Iterator[Node]:
    """Yield consecutive JSON values, as accepted by kubectl. Raises ValueError, RecursionError."""
    decoder = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)
    place = 0
    while start := _JSON_START.search(part, place):
        value, place = decoder.raw_decode(part, start.start())
        yield _from_json(value, line + part.count("\n", 0, start.start()))


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


MAX_DEPTH: Final = 1000
MAX_NODES: Final = 2_000_000
"""Nodes of a document with aliases expanded: an alias bomb has billions."""


class Refused(Exception):
    """Text that is not YAML. line and column count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


class _Open:
    """A collection whose end has not been read."""

    __slots__ = ("anchor", "items", "line", "column", "is_mapping", "size")

    def __init__(self, event: Any, line: int) -> None:
        self.anchor: str | None = event.anchor
        self.items: list[Node] = []
        self.line, self.column = line, event.start_mark.column + 1
        self.is_mapping = isinstance(event, pyyaml.MappingStartEvent)
        self.size = 1


class Builder:
    """Builds nodes from parser events, without recursion, with a limit on the depth.

    `first_line` is the number of lines before this part of the text.
    """

    def __init__(self, first_line: int) -> None:
        self._first_line = first_line
        self._anchors: dict[str, Node | None] = {}
        self._stack: list[_Open] = []
        self._position = 0

    def documents(self, part: str) -> Iterator[Node]:
        """Yield the documents that are not empty. Raises `Refused`."""
        parser = pyyaml.CSafeLoader(part)
        try:
            while (event := parser.get_event()) is not None:
                node = self._take(event)
                if node is not None and node.value is not None:
                    yield node
        except pyyaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line, mark.column) if mark else (0, 0)
            if mark and self._is_too_deep(part[self._position : mark.index + 1]):
                raise _too_deep(self._first_line + line + 1) from error
            message = ": ".join(filter(None, (error.context, error.problem))) or str(error)
            if _is_tab(part, line, column):
                message = "tabs are not allowed for indentation; use spaces"
            raise Refused(message, self._first_line + line + 1, column + 1) from error
        except pyyaml.reader.ReaderError as error:
            line = part.count("\n", 0, error.position) if isinstance(error.position, int) else 0
            raise Refused(str(error.reason), self._first_line + line + 1, 1) from error
        finally:
            parser.dispose()

    def _is_too_deep(self, ahead: str) -> bool:
        """Return whether the depth limit is exceeded, counting collections that start in `ahead`.

        libyaml in PyYAML 6.0.4 has its own limit, and its scanner reads up to 1024 characters
        ahead, so it may fail before podfit receives the events.
        """
        opened = sum(map(ahead.count, "[{-?:")) - sum(map(ahead.count, "]}"))
        return len(self._stack) + opened >= MAX_DEPTH

    def _take(self, event: Any) -> Node | None:
        """Process an event; return the document if it is complete."""
        kind = type(event)
        mark = event.start_mark
        self._position = mark.index
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
            raise Refused("document contains excessive aliasing", line, 1)
        return None

    def _open(self, event: Any, kind: type, line: int) -> None:
        if kind is pyyaml.MappingStartEvent or kind is pyyaml.SequenceStartEvent:
            if len(self._stack) >= MAX_DEPTH:
                raise _too_deep(line)
            if event.anchor:
                self._anchors[event.anchor] = None
            self._stack.append(_Open(event, line))
        elif kind is pyyaml.DocumentStartEvent:
            self._anchors = {}
            if event.version not in (None, (1, 1)):
                raise Refused("found incompatible YAML document", line, 1)

    def _aliased(self, event: Any, line: int) -> Node:
        column = event.start_mark.column + 1
        if event.anchor not in self._anchors:
            raise Refused(f"unknown anchor '{event.anchor}' referenced", line, column)
        node = self._anchors[event.anchor]
        if node is None:
            raise Refused(f"anchor '{event.anchor}' value contains itself", line, column)
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
        """Build a mapping as go-yaml v2 does: the last duplicate key is used, and a merge overrides
        earlier keys.
        """
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
                raise Refused("map merge requires map or sequence of maps", node.line, node.column)
            merged.update(source.value)
        return merged


def _too_deep(line: int) -> Refused:
    return Refused(f"nested more than {MAX_DEPTH} deep", line, 1)


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
            raise Refused(text, node.line, node.column)
        case _:
            raise Refused(f"{node.type_name} as a mapping key", node.line, node.column)


def _resolve(event: Any, line: int) -> Scalar:
    text: str = event.value
    tag: str = event.tag
    try:
        if not tag:
            return plain_scalar(text) if event.implicit[0] else text
        return tagged_scalar(text, tag)
    except ValueError as error:
        raise Refused(str(error), line, event.start_mark.column + 1) from error


def _is_tab(text: str, line: int, column: int) -> bool:
    """Return whether there is a tab in the indentation; libyaml reports a "token"."""
    lines = text.split("\n")
    return (
        line < len(lines)
        and lines[line][column : column + 1] == "\t"
        and (not lines[line][:column].strip())
    )


_BREAK: Final = rb"(?:[\r\n]|\xc2\x85|\xe2\x80[\xa8\xa9])"
"""A line break of YAML 1.1, in UTF-8: CR, LF, NEL, LS, PS."""
_JOINT: Final = rb"(?:\\" + _BREAK + rb"[ \t\r\n\xc2\x85\xe2\x80\xa8\xa9]*)*"
"""An optional folded line break between two characters of a double-quoted word."""
_ESCAPE: Final = re.compile(rb"\\(?:[xuU]|" + _BREAK + rb")")
"""Escapes for a letter, or for nothing."""
_BINARY: Final = re.compile(rb"!!(?:binary|[^\s]*%)|!<|%TAG")
"""A tag that may be `!!binary`, whose value is base64."""
_PART_OF_WORD: Final = b"[A-Za-z0-9_./-]"
"""Characters that continue a word: `kind-of`, `node.kind`."""


class Word:
    """A word of ASCII letters to search for."""

    __slots__ = ("_plain", "_escaped")

    def __init__(self, word: str) -> None:
        text = word.encode("ascii")
        # The word comes first, so that the search starts with a fast literal one.
        self._plain = re.compile(
            text + b"(?<!" + _PART_OF_WORD + text + b")(?!" + _PART_OF_WORD + b")"
        )
        self._escaped = re.compile(_JOINT.join(map(_letter, text)))

    def may_stand_in(self, data: bytes | mmap.mmap) -> bool:
        """Return whether a scalar in this UTF-8 text may be the word."""
        if self._plain.search(data):
            return True
        if data.find(b"\\") >= 0 and _ESCAPE.search(data) and self._escaped.search(data):
            return True
        return data.find(b"!") >= 0 and bool(_BINARY.search(data))


def _letter(code: int) -> bytes:
    return b"(?:%c|\\\\(?:x|u00|U000000)(?i:%02x))" % (code, code)
