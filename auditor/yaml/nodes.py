"""`Node`: a YAML value with its place, and the typed readers of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from auditor.yaml.scalars import Scalar

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
