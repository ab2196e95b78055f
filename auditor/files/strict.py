"""Strict reading of podfit's own files: unknown keys are errors with a suggestion.

A `Shape` describes both how a value is read and its JSON Schema, so that podfit and editors
accept the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

from msgspec import Struct, field

from auditor.errors import ConfigurationError, printable, shorten
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import YamlError, read_documents

_T = TypeVar("_T")
_QUOTED: Final = 60


def read_bounded(path: Path, *, what: str, limit: int, hint: str = "") -> str:
    """Return the text of a file or pipe. `what` names it in messages, such as "cluster file".

    Raises `ConfigurationError` if it cannot be read, is not UTF-8, or has more than `limit` bytes.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            f"cannot read the {what}", where=str(path), why=why, hint="check the path"
        ) from error
    if len(content) > limit:
        size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit} bytes"
        raise ConfigurationError(f"the {what} has more than {size}", where=str(path), hint=hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"the {what} is not UTF-8 text", where=str(path), why=error.reason, hint=hint
        ) from error


def parse_strict(text: str, path: str, *, what: str, hint: str = "") -> tuple[Node, ...]:
    """Parse YAML documents. Raises `ConfigurationError` for the first invalid one."""
    documents: list[Node] = []
    for part in read_documents(text):
        if isinstance(part, YamlError):
            raise ConfigurationError(
                f"the {what} is not YAML",
                where=f"{path}:{part.line}:{part.column}",
                why=part.message,
                hint=hint,
            )
        documents.append(part)
    return tuple(documents)


@contextmanager
def naming(path: str, *, hint: str = "") -> Iterator[None]:
    """Convert a `ShapeError` into a `ConfigurationError` with the file and location."""
    try:
        yield
    except ShapeError as error:
        raise ConfigurationError(
            shorten(printable(error.message)),
            where=f"{path}:{error.line}:{error.column}",
            hint=hint,
        ) from error


def only_keys(node: Node, known: Collection[str], what: str) -> None:
    """Raise `ShapeError` at the first unknown key. `what` names the mapping, such as "a pool"."""
    if not isinstance(node.value, Mapping):
        raise ShapeError(f"{what} must be a mapping, not {node.type_name}", node)
    for key in node.value:
        if key not in known:
            advice = suggestion(key, known) or f"known keys: {', '.join(known)}"
            raise ShapeError(f"{what} has no key `{_short(key)}`; {advice}", key_node(node, key))


def required(node: Node, key: str, what: str) -> Node:
    """Return the value under a key. Raises `ShapeError` if it is absent or null."""
    if (value := node.get(key)) is None:
        raise ShapeError(f"{what} needs `{key}`", node)
    return value


def parsed(node: Node, parse: Callable[[str], _T]) -> _T:
    """Parse a string value. Raises `ShapeError` with the message of the parser's ValueError."""
    try:
        return parse(node.text())
    except ValueError as error:
        raise ShapeError(str(error), node) from error


def one_of(node: Node, known: Collection[str], what: str) -> str:
    """Return a string that must be one of some words. Raises `ShapeError` with a suggestion."""
    if not node.is_text:
        raise ShapeError(f"{what} is one of {', '.join(known)}, not {node.type_name}", node)
    word = node.text()
    if word not in known:
        advice = suggestion(word, known) or f"valid values: {', '.join(known)}"
        raise ShapeError(f"`{_short(word)}` is not {what}; {advice}", node)
    return word


def suggestion(word: str, known: Collection[str]) -> str:
    """Return `did you mean ...?` with the closest known word, or ""."""
    lowered = {name.lower(): name for name in known}
    import difflib

    near = difflib.get_close_matches(word[:_QUOTED].lower(), lowered, n=1)
    return f"did you mean `{lowered[near[0]]}`?" if near else ""


def key_node(node: Node, key: str) -> Node:
    """Return a node at the location of a key, for errors about the key."""
    line, column = node.key_place(key)
    return Node(key, line, column)


def _short(word: str) -> str:
    return word if len(word) <= _QUOTED else f"{word[:_QUOTED]}…"


T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
Json = dict[str, Any]

_NO_NAMES: Final[Mapping[str, str]] = {}


class Shape(Protocol[T_co]):
    """The description of a value."""

    def read(self, node: Node) -> T_co:
        """Read a node. Raises `ShapeError` with the location of the error."""
        ...

    def json_schema(self) -> Json:
        """Return the JSON Schema (draft 2020-12) for editors."""
        ...


class Text(Struct, Generic[T], frozen=True):
    """A string to parse. `parse` raises ValueError; `schema` adds JSON Schema keywords."""

    parse: Callable[[str], T]
    schema: Mapping[str, Any] = field(default_factory=dict)

    def read(self, node: Node) -> T:
        return parsed(node, self.parse)

    def json_schema(self) -> Json:
        return {"type": "string", **self.schema}


class Flag(Struct, frozen=True):
    """true or false."""

    def read(self, node: Node) -> bool:
        if not isinstance(node.value, bool):
            raise ShapeError(f"expected true or false, not {node.type_name}", node)
        return node.value

    def json_schema(self) -> Json:
        return {"type": "boolean"}


class Constant(Struct, Generic[T], frozen=True):
    """A fixed value. `what` names it in messages, such as "the version"."""

    value: T
    what: str

    def read(self, node: Node) -> T:
        if node.value != self.value or isinstance(node.value, bool) != isinstance(self.value, bool):
            raise ShapeError(f"{self.what} is {self.value}, not {node.type_name}", node)
        return self.value

    def json_schema(self) -> Json:
        return {"const": self.value}


class Choice(Struct, Generic[T], frozen=True):
    """One of several words, mapped to values. `what` names it in messages, such as "a severity"."""

    words: Mapping[str, T]
    what: str

    def read(self, node: Node) -> T:
        return self.words[one_of(node, tuple(self.words), self.what)]

    def json_schema(self) -> Json:
        return {"enum": list(self.words)}


class Scalar(Struct, frozen=True):
    """A string, number, boolean or null, unchanged."""

    def read(self, node: Node) -> bool | int | float | str | None:
        if node.value is None or isinstance(node.value, bool | int | float | str):
            return node.value
        raise ShapeError(f"expected a string, number or boolean, not {node.type_name}", node)

    def json_schema(self) -> Json:
        return {"type": ["boolean", "null", "number", "string"]}


class ListOf(Struct, Generic[T], frozen=True):
    """A list with at least `at_least` items. `what` names it in messages."""

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


class OneOrMore(Struct, Generic[T], frozen=True):
    """One item, or a list with at least `at_least` items. `what` names the list in messages."""

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


class MapOf(Struct, Generic[T], frozen=True):
    """A mapping of names to values, read as ordered pairs. `name` parses a key."""

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


class Key(Struct, frozen=True):
    """A key of a `Record`. `about` is one sentence, for editors and documentation."""

    shape: Shape[Any]
    about: str
    required: bool = False


class Record(Struct, Generic[T], frozen=True):
    """A mapping with known keys.

    Attributes:
        what: Its name in messages, such as "an ignore entry".
        build: Called with the values as keyword arguments, without absent keys; `-` in a key
            becomes `_`. Raises ValueError with a sentence if values are inconsistent.
        keys: The known keys.
        placed: Whether to pass line and column of the record as `place`.
        names: Keyword arguments of keys with another name.
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
    """Read the value of a key, and name the key in errors about the whole value."""
    try:
        return key.shape.read(value)
    except ShapeError as error:
        if (error.line, error.column) != (value.line, value.column) or f"`{name}`" in error.message:
            raise
        raise ShapeError(f"`{name}`: {error.message}", value) from error


class MappingOr(Struct, Generic[T], frozen=True):
    """A mapping of one shape, or another value of another shape."""

    mapping: Shape[T]
    other: Shape[T]

    def read(self, node: Node) -> T:
        return (self.mapping if node.is_mapping else self.other).read(node)

    def json_schema(self) -> Json:
        return {"anyOf": [self.other.json_schema(), self.mapping.json_schema()]}


class OrNothing(Struct, Generic[T], frozen=True):
    """A value, or null for the default."""

    shape: Shape[T]
    default: T

    def read(self, node: Node) -> T:
        return self.default if node.value is None else self.shape.read(node)

    def json_schema(self) -> Json:
        return {"anyOf": [self.shape.json_schema(), {"type": "null"}]}
