"""Edit YAML and JSON texts in place: everything outside of the inserted text stays as it is.

A change is a mapping of keys (of lists: indexes) to changes, `Append`, `Each`, or a new value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Any, Final

import yaml as pyyaml
from msgspec import Struct, field

from auditor.files.yaml_reading import split_documents
from auditor.files.yaml_writing import block, flow

_MERGE: Final = "<<"
_NULLS: Final = ("", "~", "null", "Null", "NULL")


class TextEdit(Struct, frozen=True, order=True):
    """The replacement of `text[start:end]`."""

    start: int
    end: int
    text: str


class Append(Struct, frozen=True):
    """Add items to the end of a list."""

    items: tuple[Any, ...]


class Each(Struct, frozen=True):
    """Change each item of a list that is not empty."""

    change: Any


class Part(Struct):
    """A node with its place in the text; lines and columns count from 1.

    Attributes:
        end: The index after a scalar or a collection in flow style.
        entries: Key, value and end of the value of each entry of a mapping.
        items: The items of a list with their ends.
    """

    start: int
    end: int
    line: int
    column: int
    style: str = ""
    is_flow: bool = False
    scalar: str | None = None
    entries: list[tuple[Part, Part, int]] = field(default_factory=list)
    items: list[tuple[Part, int]] = field(default_factory=list)
    is_mapping: bool = False

    @property
    def is_empty(self) -> bool:
        if self.scalar is not None:
            return self.scalar in _NULLS and not self.style
        return not self.entries and not self.items

    @property
    def last(self) -> int:
        """The index after its last character."""
        if self.is_flow or self.scalar is not None or self.is_empty:
            return self.end
        return self.entries[-1][2] if self.entries else self.items[-1][1]

    def entry(self, key: str | int) -> tuple[Part, Part, int] | None:
        """Return key, value and end of an entry; merged entries count after own ones."""
        for entry in reversed(self.entries):
            if entry[0].scalar == str(key):
                return entry
        for _, merged, _ in (item for item in self.entries if item[0].scalar == _MERGE):
            for source in (merged, *(item for item, _ in merged.items)):
                if source.is_mapping and (found := source.entry(key)):
                    return found
        return None


class YamlText:
    """A text and its mappings by place. Invalid documents are left out."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.mappings: dict[tuple[int, int], Part] = {}
        self.roots: list[Part] = []
        for start, line, part in split_documents(text):
            try:
                self._compose(part, start, line)
            except (pyyaml.YAMLError, KeyError):
                continue

    def _compose(self, text: str, offset: int, first_line: int) -> None:
        anchors: dict[str, Part] = {}
        stack: list[Part] = []
        nodes: list[list[tuple[Part, int]]] = [[]]
        event: Any
        for event in pyyaml.parse(text, Loader=pyyaml.CSafeLoader):
            end = offset + (event.end_mark.index if event.end_mark else 0)
            if isinstance(event, pyyaml.CollectionEndEvent):
                part, children = stack.pop(), nodes.pop()
                part.end = end
                if part.is_mapping:
                    pairs = zip(children[::2], children[1::2], strict=True)
                    part.entries = [(key, value, end) for (key, _), (value, end) in pairs]
                    self.mappings[part.line, part.column] = part
                else:
                    part.items = children
                nodes[-1].append((part, part.last))
            elif isinstance(event, pyyaml.AliasEvent):
                nodes[-1].append((anchors[str(event.anchor)], end))
            elif isinstance(event, pyyaml.NodeEvent):
                part = _part(event, offset, first_line)
                if event.anchor:
                    anchors[event.anchor] = part
                if part.scalar is not None:
                    nodes[-1].append((part, part.end))
                else:
                    stack.append(part)
                    nodes.append([])
        self.roots += (part for part, _ in nodes[0])

    def edits(
        self, place: tuple[int, int], change: Mapping[str, Any], before: str = ""
    ) -> list[TextEdit]:
        """Return the edits that apply a change to the mapping at a place.

        Raises ValueError if the text has no mapping there, or if the change does not fit.

        Args:
            before: The key before which new keys are inserted; by default, they come last.
        """
        if place not in self.mappings:
            raise ValueError("the text has no mapping at this place")
        return list(_Writer(self.text).merge(self.mappings[place], change, before))


def _part(event: Any, offset: int, first_line: int) -> Part:
    mark = event.start_mark
    is_scalar = isinstance(event, pyyaml.ScalarEvent)
    return Part(
        start=offset + mark.index,
        end=offset + event.end_mark.index,
        line=first_line + mark.line + 1,
        column=mark.column + 1,
        style=(event.style or "") if is_scalar else "",
        is_flow=not is_scalar and bool(event.flow_style),
        scalar=event.value if is_scalar else None,
        is_mapping=isinstance(event, pyyaml.MappingStartEvent),
    )


def plain_change(change: Any) -> Any:
    """Return the value that a change gives to an absent key."""
    match change:
        case Append():
            return list(change.items)
        case Mapping():
            return {key: plain_change(value) for key, value in change.items()}
        case _:
            return change


class _Writer(Struct, frozen=True):
    """Yields the edits of one text."""

    text: str

    def merge(self, node: Part, change: Mapping[Any, Any], before: str) -> Iterator[TextEdit]:
        if node.items and not all(isinstance(key, int) for key in change):
            raise ValueError("a list has no keys")
        new: dict[str, Any] = {}
        for key, value in change.items():
            if isinstance(key, int):
                yield from self._item(node, key, value)
            elif found := node.entry(key):
                yield from self._into(node, found, value)
            else:
                new[key] = plain_change(value)
        if new:
            yield self._insert(node, new, before)

    def _item(self, node: Part, index: int, change: Any) -> Iterator[TextEdit]:
        if index >= len(node.items) or not isinstance(change, Mapping):
            raise ValueError(f"the list has no item {index}")
        yield from self.merge(node.items[index][0], change, "")

    def _into(self, node: Part, entry: tuple[Part, Part, int], change: Any) -> Iterator[TextEdit]:
        _, value, _ = entry
        if isinstance(change, Mapping) and (value.entries or value.items):
            yield from self.merge(value, change, "")
        elif isinstance(change, list) and value.items:
            yield from self._items(node, value, change)
        elif isinstance(change, str) and change == value.scalar:
            return
        elif isinstance(change, Append) and value.items:
            yield self._append(node, value, change.items)
        elif isinstance(change, Each):
            for item, _ in value.items:
                if item.entries:
                    yield from self.merge(item, change.change, "")
        elif value.is_empty or value.scalar is not None:
            yield from self._replace(node, entry, plain_change(change))
        else:
            raise ValueError("the value has another type")

    def _items(self, node: Part, value: Part, change: list[Any]) -> Iterator[TextEdit]:
        """Change a list to one that has more keys in its items, or more items."""
        if len(change) < len(value.items):
            raise ValueError("items of a list would be removed")
        for (item, end), new in zip(value.items, change, strict=False):
            yield from self._into(value, (item, item, end), new)
        if more := tuple(change[len(value.items) :]):
            yield self._append(node, value, more)

    def _replace(self, node: Part, entry: tuple[Part, Part, int], value: Any) -> Iterator[TextEdit]:
        key, old, end = entry
        if end != old.last:
            raise ValueError("the value is an alias")
        if isinstance(value, str) and old.style == "|":
            yield from self._rewrite(old, value)
            return
        nested = isinstance(value, Mapping | list) and not node.is_flow
        if nested and "\n" not in self.text[key.end : old.end] and old.style not in ("|", ">"):
            gap = len(self.text[: old.start].rstrip(" ")) if old.end > old.start else old.start
            if old.end > gap:
                yield TextEdit(gap, old.end, "")
            indent = " " * (node.column - 1)
            if isinstance(value, Mapping):
                lines = _lines(block(value), f"{indent}  ")
            else:
                lines = _lines(block(value), indent)
            yield self._below(old.end, lines)
            return
        text = json.dumps(value) if _is_json(node) else flow(value)
        yield TextEdit(old.start, old.end, text if old.end > old.start else f" {text}")

    def _rewrite(self, old: Part, value: str) -> Iterator[TextEdit]:
        """Replace the lines of a literal text that differ."""
        start = self.text.find("\n", old.start) + 1
        before = self.text[start : old.end].splitlines(keepends=True)
        while before and not before[-1].strip():
            before.pop()
        first = next(filter(str.strip, before), "")
        indent, end = first[: len(first) - len(first.lstrip(" "))], self._line_break(start)
        lines = value.rstrip().split("\n")
        after = [f"{indent}{line}{end}" if line else end for line in lines]
        places = [start, *(start + length for length in accumulate(map(len, before)))]
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        for tag, low, high, new_low, new_high in matcher.get_opcodes():
            if tag != "equal":
                yield TextEdit(places[low], places[high], "".join(after[new_low:new_high]))

    def _insert(self, node: Part, new: Mapping[str, Any], before: str) -> TextEdit:
        anchor = next((key for key, _, _ in node.entries if key.scalar == before), None)
        if node.is_flow or not node.entries:
            return self._insert_in_flow(node, new, anchor)
        indent = " " * (node.column - 1)
        lines = _lines(block(dict(new), list_indent=_list_indent(node)), indent)
        if anchor is not None and self._begins_line(anchor.start):
            start = self._line_start(anchor.start)
            while (above := self._comment_above(start, indent)) is not None:
                start = above
            end = self._line_break(anchor.start)
            return TextEdit(start, start, "".join(f"{line}{end}" for line in lines))
        return self._below(node.last, lines)

    def _insert_in_flow(self, node: Part, new: Mapping[str, Any], anchor: Part | None) -> TextEdit:
        is_json = _is_json(node) or (not node.entries and self.text.lstrip()[:1] == "{")
        texts = [
            f"{json.dumps(key)}: {json.dumps(value)}" if is_json else flow({key: value})[1:-1]
            for key, value in new.items()
        ]
        if not node.entries:
            return TextEdit(node.start, node.end, "{" + ", ".join(texts) + "}")
        if anchor is not None:
            gap = self._gap(anchor.start)
            return TextEdit(anchor.start, anchor.start, "".join(f"{text},{gap}" for text in texts))
        gap, end = self._gap(node.entries[-1][0].start), node.entries[-1][2]
        return TextEdit(end, end, "".join(f",{gap}{t}" for t in texts))

    def _append(self, node: Part, value: Part, items: Iterable[Any]) -> TextEdit:
        if not value.is_flow:
            text = block(list(items), list_indent=0)
            return self._below(value.last, _lines(text, " " * (value.column - 1)))
        gap = self._gap(value.items[-1][0].start)
        written = (json.dumps(item) if _is_json(node) else flow(item) for item in items)
        end = value.items[-1][1]
        return TextEdit(end, end, "".join(f",{gap}{text}" for text in written))

    def _gap(self, start: int) -> str:
        """Return what separates entries: a line break and indentation, or a space."""
        if not self._begins_line(start):
            return " "
        return self._line_break(start) + self.text[self._line_start(start) : start]

    def _below(self, index: int, lines: Sequence[str]) -> TextEdit:
        """Insert lines after the line that ends at or after an index."""
        end = self._line_break(index)
        if index and self.text[index - 1] == "\n":
            return TextEdit(index, index, "".join(f"{line}{end}" for line in lines))
        after = self.text.find("\n", index)
        if after < 0:
            after = len(self.text)
            return TextEdit(after, after, "".join(f"{end}{line}" for line in lines))
        return TextEdit(after + 1, after + 1, "".join(f"{line}{end}" for line in lines))

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _begins_line(self, index: int) -> bool:
        start = self._line_start(index)
        return start > 0 and not self.text[start:index].strip(" \t")

    def _line_break(self, index: int) -> str:
        after = self.text.find("\n", index)
        if after < 0:
            after = self.text.rfind("\n")
        return "\r\n" if after > 0 and self.text[after - 1] == "\r" else "\n"

    def _comment_above(self, start: int, indent: str) -> int | None:
        above = self._line_start(start - 1) if start else 0
        line = self.text[above:start]
        return above if start and line.startswith(f"{indent}#") else None


def _is_json(node: Part) -> bool:
    return node.is_flow and bool(node.entries) and node.entries[0][0].style == '"'


def _list_indent(node: Part) -> int:
    """Return how far the lists of a mapping are indented."""
    lists = (value for _, value, _ in node.entries if value.items and not value.is_flow)
    return next((2 if item.column > node.column else 0 for item in lists), 2)


def _lines(text: str, indent: str) -> list[str]:
    return [f"{indent}{line}" for line in text.splitlines()]


def apply_edits(text: str, edits: Iterable[TextEdit]) -> str:
    """Apply edits, each once. Raises ValueError if they overlap."""
    parts: list[str] = []
    done = 0
    for edit in sorted(set(edits)):
        if edit.start < done:
            raise ValueError("the edits overlap")
        parts += (text[done : edit.start], edit.text)
        done = edit.end
    return "".join((*parts, text[done:]))


def extends(old: Any, new: Any) -> bool:
    """Return whether a value keeps all of an old one: keys and items are only added."""
    match old:
        case None:
            return True
        case Mapping():
            return isinstance(new, Mapping) and all(
                key in new and extends(value, new[key]) for key, value in old.items()
            )
        case list():
            return isinstance(new, list) and len(new) >= len(old) and all(map(extends, old, new))
        case _:
            return bool(old == new)
