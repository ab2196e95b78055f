"""Where a chart's own values.yaml holds a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from auditor.errors import SourceError
from auditor.remedies.keys import Key
from auditor.sources.files import read_text
from auditor.sources.helm import ChartSource
from auditor.yaml.nodes import Node
from auditor.yaml.reading import read_documents

_FILE: Final = "values.yaml"


def key_places(source: ChartSource) -> Callable[[Key], str]:
    """For each key, its `path:line`; "" where the file does not hold it, or is in an archive."""
    shown = f"{source.shown}/{_FILE}"
    try:
        text = read_text(source.path / _FILE, shown)
    except SourceError:
        return lambda _: ""
    root = next(iter(read_documents(text)), None)

    def place(key: Key) -> str:
        line = _line(root, key) if isinstance(root, Node) else 0
        return f"{shown}:{line}" if line else ""

    return place


def _line(node: Node | None, key: Key) -> int:
    line = 0
    for part in key:
        if node is None:
            return 0
        if isinstance(part, int):
            items = node.items() if node.is_sequence else ()
            node = items[part] if part < len(items) else None
        elif node.is_mapping and node.keys and part in node.keys:
            line = node.keys[part][0]
            node = node.get(part)
        else:
            return 0
    return line
