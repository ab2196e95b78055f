"""What a file that steers podfit may look like, as values: read strictly, told as a JSON Schema.

A shape is both sides of one description, so the file that podfit reads and the schema that an
editor checks cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from auditor.schema import key_node, one_of, only_keys, parsed, required
from auditor.yaml.nodes import Node, ShapeError

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
Json = dict[str, Any]

_NO_NAMES: Final[Mapping[str, str]] = {}


class Shape(Protocol[T_co]):
    """A description of a value."""

    def read(self, node: Node) -> T_co:
        """The value of a node. Raises `ShapeError` with the place of what is wrong."""
        ...

    def json_schema(self) -> Json:
        """The same description for editors (JSON Schema, draft 2020-12)."""
        ...


@dataclass(frozen=True, slots=True)
class Text(Generic[T]):
    """A text, parsed. parse: raises ValueError with a sentence. schema: what editors can check."""

    parse: Callable[[str], T]
    schema: Mapping[str, Any] = field(default_factory=dict)

    def read(self, node: Node) -> T:
        return parsed(node, self.parse)

    def json_schema(self) -> Json:
        return {"type": "string", **self.schema}


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def read(self, node: Node) -> bool:
        if not isinstance(node.value, bool):
            raise ShapeError(f"expected true or false, not {node.type_name}", node)
        return node.value

    def json_schema(self) -> Json:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Constant(Generic[T]):
    """One value and no other. what: for messages, such as "the version"."""

    value: T
    what: str

    def read(self, node: Node) -> T:
        if node.value != self.value or isinstance(node.value, bool) != isinstance(self.value, bool):
            raise ShapeError(f"{self.what} is {self.value}, not {node.type_name}", node)
        return self.value

    def json_schema(self) -> Json:
        return {"const": self.value}


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """One of some words, each with its value. what: for messages, such as "a severity"."""

    words: Mapping[str, T]
    what: str

    def read(self, node: Node) -> T:
        return self.words[one_of(node, tuple(self.words), self.what)]

    def json_schema(self) -> Json:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, boolean or null, as it is."""

    def read(self, node: Node) -> bool | int | float | str | None:
        if node.value is None or isinstance(node.value, bool | int | float | str):
            return node.value
        raise ShapeError(f"expected a text, number or boolean, not {node.type_name}", node)

    def json_schema(self) -> Json:
        return {"type": ["boolean", "null", "number", "string"]}


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list. at_least: how many items it needs. what: for messages."""

    item: Shape[T]
    at_least: int = 0
    what: str = "the list"

    def read(self, node: Node) -> tuple[T, ...]:
        items = tuple(map(self.item.read, node.items()))
        if len(items) < self.at_least:
            raise ShapeError(f"{self.what} must not be empty", node)
        return items

    def json_schema(self) -> Json:
        least = {"minItems": self.at_least} if self.at_least else {}
        return {"type": "array", "items": self.item.json_schema(), **least}


@dataclass(frozen=True, slots=True)
class OneOrMore(Generic[T]):
    """One item, or a list. what: for messages. at_least: how many items the list needs."""

    item: Shape[T]
    what: str = "the list"
    at_least: int = 1

    @property
    def _list(self) -> ListOf[T]:
        return ListOf(self.item, self.at_least, self.what)

    def read(self, node: Node) -> tuple[T, ...]:
        return self._list.read(node) if node.is_sequence else (self.item.read(node),)

    def json_schema(self) -> Json:
        return {"anyOf": [self.item.json_schema(), self._list.json_schema()]}


@dataclass(frozen=True, slots=True)
class MapOf(Generic[T]):
    """A mapping of names to values, read as pairs in their order. name: parses a key."""

    value: Shape[T]
    name: Callable[[str], str] = str

    def read(self, node: Node) -> tuple[tuple[str, T], ...]:
        if not isinstance(node.value, Mapping):
            raise ShapeError(f"expected a mapping, not {node.type_name}", node)
        return tuple(
            (parsed(key_node(node, key), self.name), self.value.read(item))
            for key, item in node.value.items()
        )

    def json_schema(self) -> Json:
        return {"type": "object", "additionalProperties": self.value.json_schema()}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a `Record`. about: one sentence, for editors and documents."""

    shape: Shape[Any]
    about: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """A mapping with known keys. what: for messages, such as "an ignore entry".

    build: takes the values under the names of the keys, `-` as `_`; absent keys are not passed. It
    raises ValueError with a sentence where values contradict each other. placed: pass the record's
    own line and column as `place`. names: keys whose value has another name there.
    """

    what: str
    build: Callable[..., T]
    keys: Mapping[str, Key]
    placed: bool = False
    names: Mapping[str, str] = field(default_factory=lambda: _NO_NAMES)

    def read(self, node: Node) -> T:
        only_keys(node, tuple(self.keys), self.what)
        values: Json = {"place": (node.line, node.column)} if self.placed else {}
        for name, key in self.keys.items():
            value = required(node, name, self.what) if key.required else node.get(name)
            if value is not None:
                values[self.names.get(name, name.replace("-", "_"))] = _read(name, key, value)
        try:
            return self.build(**values)
        except ValueError as error:
            raise ShapeError(str(error), node) from error

    def json_schema(self) -> Json:
        needed = [name for name, key in self.keys.items() if key.required]
        return {
            "type": "object",
            "properties": {
                name: {"description": key.about, **key.shape.json_schema()}
                for name, key in self.keys.items()
            },
            **({"required": needed} if needed else {}),
            "additionalProperties": False,
        }


def _read(name: str, key: Key, value: Node) -> Any:
    """What is wrong with the value as a whole is told with the name of its key."""
    try:
        return key.shape.read(value)
    except ShapeError as error:
        if (error.line, error.column) != (value.line, value.column) or f"`{name}`" in error.message:
            raise
        raise ShapeError(f"`{name}`: {error.message}", value) from error


@dataclass(frozen=True, slots=True)
class MappingOr(Generic[T]):
    """A mapping of one shape, or something else of another."""

    mapping: Shape[T]
    other: Shape[T]

    def read(self, node: Node) -> T:
        return (self.mapping if node.is_mapping else self.other).read(node)

    def json_schema(self) -> Json:
        return {"anyOf": [self.other.json_schema(), self.mapping.json_schema()]}


@dataclass(frozen=True, slots=True)
class OrNothing(Generic[T]):
    """A value, or null for the default."""

    shape: Shape[T]
    default: T

    def read(self, node: Node) -> T:
        return self.default if node.value is None else self.shape.read(node)

    def json_schema(self) -> Json:
        return {"anyOf": [self.shape.json_schema(), {"type": "null"}]}
