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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from auditor.yaml.building import Builder, Refused
from auditor.yaml.nodes import Node
from auditor.yaml.scalars import json_number

_SEPARATOR: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class YamlError:
    """A document that is not YAML. line and column count from 1 in the whole text."""

    message: str
    line: int
    column: int


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


def _read_part(part: str, first_line: int) -> Iterator[Node | YamlError]:
    try:
        yield from Builder(first_line).documents(part)
    except Refused as refused:
        if part.lstrip().startswith("{"):
            try:  # JSON that YAML cannot read, such as surrogate pairs: right, but without places
                value = json.loads(part, parse_float=_finite, parse_constant=_finite)
                yield _from_json(value, first_line + 1)
                return
            except (ValueError, RecursionError):
                pass
        yield YamlError(refused.message, refused.line, refused.column)


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
