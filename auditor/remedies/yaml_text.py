"""Values as YAML, so that every parser reads back what was meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from auditor.yaml import Node, read_documents

_BREAK: Final = "\n"
_PLAIN: Final = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")


def flow(value: Any) -> str:
    """On one line: `{kubernetes.io/os: linux}`."""
    match value:
        case Mapping():
            entries = (f"{scalar(str(key))}: {flow(item)}" for key, item in value.items())
            return f"{{{', '.join(entries)}}}"
        case list() | tuple():
            return f"[{', '.join(map(flow, value))}]"
        case _:
            return scalar(value)


def block(value: Any) -> str:
    """In block style, two spaces deep, with a newline at the end."""
    return "".join(f"{line}\n" for line in _lines(value))


def scalar(value: Any) -> str:
    """Text in quotes where it would be read as anything else; numbers too, as people expect."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and _reads_back(value):
        return value
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    """As YAML's double quotes want it; JSON writes some characters as two, which YAML refuses."""
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _reads_back(text: str) -> bool:
    nodes = list(read_documents(text))
    return len(nodes) == 1 and isinstance(nodes[0], Node) and nodes[0].value == text


def _lines(value: Any) -> Iterator[str]:
    match value:
        case Mapping() if value:
            for key, item in value.items():
                yield from _entry(f"{scalar(str(key))}:", item)
        case list() | tuple() if value:
            for item in value:
                first, *rest = _lines(item)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
        case _:
            yield flow(value)


def _entry(lead: str, item: Any) -> Iterator[str]:
    if isinstance(item, str) and _is_literal(item):
        yield f"{lead} {'|' if item.endswith(_BREAK) else '|-'}"
        yield from (f"  {line}" for line in item.rstrip(_BREAK).split(_BREAK))
    elif isinstance(item, Mapping | list | tuple) and item:
        yield lead
        yield from (f"  {line}" for line in _lines(item))
    else:
        yield f"{lead} {flow(item)}"


def _is_literal(text: str) -> bool:
    """Whether a text has several lines that can be written as they are."""
    lines = text.removesuffix(_BREAK).split(_BREAK)
    return (
        _BREAK in text
        and all(line and line.isprintable() for line in lines)
        and (not lines[0].startswith(" "))
    )
