"""Files that steer podfit, read strictly: what nobody knows is an error with a suggestion."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from auditor.errors import ConfigurationError, printable, shorten
from auditor.yaml.nodes import Node, ShapeError
from auditor.yaml.reading import YamlError, read_documents

_T = TypeVar("_T")
_QUOTED: Final = 60


def read_bounded(path: Path, *, what: str, limit: int, hint: str = "") -> str:
    """The text of a file, or of a pipe. what: for messages, such as "cluster file".

    Raises `ConfigurationError` where it cannot be read, is no UTF-8, or has over `limit` bytes.
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
    """The YAML documents of a text. Raises `ConfigurationError` for the first that is not YAML."""
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
    """Turns a `ShapeError` within into a `ConfigurationError` that names the file and place."""
    try:
        yield
    except ShapeError as error:
        raise ConfigurationError(
            shorten(printable(error.message)),
            where=f"{path}:{error.line}:{error.column}",
            hint=hint,
        ) from error


def only_keys(node: Node, known: Collection[str], what: str) -> None:
    """Raises `ShapeError` at the first key that is not known. what: such as "a pool"."""
    if not isinstance(node.value, Mapping):
        raise ShapeError(f"{what} must be a mapping, not {node.type_name}", node)
    for key in node.value:
        if key not in known:
            advice = suggestion(key, known) or f"it may have {', '.join(known)}"
            raise ShapeError(f"{what} has no key `{_short(key)}`; {advice}", key_node(node, key))


def required(node: Node, key: str, what: str) -> Node:
    """The value under a key. Raises `ShapeError` where it is absent or null."""
    if (value := node.get(key)) is None:
        raise ShapeError(f"{what} needs `{key}`", node)
    return value


def parsed(node: Node, parse: Callable[[str], _T]) -> _T:
    """A text value parsed. Raises `ShapeError` with the sentence of the parser's ValueError."""
    try:
        return parse(node.text())
    except ValueError as error:
        raise ShapeError(str(error), node) from error


def one_of(node: Node, known: Collection[str], what: str) -> str:
    """A text that is one of some words. Raises `ShapeError` with a suggestion."""
    if not node.is_text:
        raise ShapeError(f"{what} is one of {', '.join(known)}, not {node.type_name}", node)
    word = node.text()
    if word not in known:
        advice = suggestion(word, known) or f"podfit knows {', '.join(known)}"
        raise ShapeError(f"`{_short(word)}` is not {what}; {advice}", node)
    return word


def suggestion(word: str, known: Collection[str]) -> str:
    """`did you mean ...?` for the nearest known word, or ""."""
    lowered = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word[:_QUOTED].lower(), lowered, n=1)
    return f"did you mean `{lowered[near[0]]}`?" if near else ""


def key_node(node: Node, key: str) -> Node:
    """A node that stands where the key stands, for an error about the key itself."""
    line, column = node.key_place(key)
    return Node(key, line, column)


def _short(word: str) -> str:
    return word if len(word) <= _QUOTED else f"{word[:_QUOTED]}…"
