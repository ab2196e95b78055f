"""YAML as the Kubernetes API server reads it, with places.

Kubernetes decodes with sigs.k8s.io/yaml: a fork of go-yaml v2 to JSON, then JSON to Go structs.
So YAML 1.1 scalars with go-yaml's own rules, the last of two equal keys, unknown tags and `=` as
text. Text is cut at `---` lines first, as apimachinery's `YAMLReader` does, so one bad document
does not hide the others.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from auditor.yaml.building import Builder, Refused
from auditor.yaml.nodes import Node
from auditor.yaml.scalars import json_number

_SEPARATOR: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_JSON_START: Final = re.compile(r"[^ \t\r\n]")


@dataclass(frozen=True, slots=True)
class YamlError:
    """A document that is not YAML. line and column count from 1 in the whole text."""

    message: str
    line: int
    column: int


def read_documents(
    text: str, skip: Callable[[str], bool] = lambda _: False
) -> Iterator[Node | YamlError]:
    """The documents of a text in order; one that cannot be read comes as a `YamlError`.

    Empty documents are left out, and so are those that `skip` knows by their text, unparsed.
    """
    start, first_line = 0, 0
    for end in (*(match.start() for match in _SEPARATOR.finditer(text)), len(text)):
        part = text[start:end]
        if end < len(text) and _holds_directives_alone(part):
            continue  # they belong to the document that the dashes begin
        if not skip(part):
            yield from _read_part(part, first_line)
        first_line += part.count("\n")
        start = end


def _holds_directives_alone(part: str) -> bool:
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
            try:  # JSON that YAML cannot read, such as surrogate pairs: right, but without places
                values = tuple(_json_values(part, first_line + 1))
            except (ValueError, RecursionError):
                pass
            else:
                yield from values[read:]
                return
        yield YamlError(refused.message, refused.line, refused.column)


def _json_values(part: str, line: int) -> Iterator[Node]:
    """JSON values one after another, as kubectl takes them. Raises ValueError, RecursionError."""
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
