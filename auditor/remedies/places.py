"""Where the values of a chart are set: in its values.yaml, or in the object that installs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from auditor.errors import SourceError
from auditor.remedies.keys import Key, key_text
from auditor.sources.files import read_text
from auditor.sources.helm import ChartSource
from auditor.yaml.nodes import Node
from auditor.yaml.reading import read_documents

_FILE: Final = "values.yaml"


def values_place(source: ChartSource) -> str:
    """`spec.values of HelmRelease/shop`; "" for a chart whose values the user gives to Helm."""
    release = source.release
    if release is None or release.holder is None:
        return ""
    return f"{key_text(release.values_path)} of {release.holder.ref}"


def key_places(source: ChartSource) -> Callable[[Key], str]:
    """For each key, its `path:line`; "" where the file does not hold it, or is in an archive.

    For a chart that an object installs, where that holds values, or as near as it goes.
    """
    release = source.release
    if release is not None and release.holder is not None:
        line = [1, *_lines(release.holder.root, release.values_path)][-1]
        location = release.holder.document.place(line, 1)
        return lambda _: f"{location.path}:{location.file_line}"
    shown = f"{source.shown}/{_FILE}"
    try:
        text = read_text(source.path / _FILE, shown)
    except SourceError:
        return lambda _: ""
    root = next(iter(read_documents(text)), None)

    def place(key: Key) -> str:
        lines = list(_lines(root, key)) if isinstance(root, Node) else []
        return f"{shown}:{lines[-1]}" if len(lines) == len(key) else ""

    return place


def _lines(node: Node | None, key: Key) -> Iterator[int]:
    """Of each part of the key, as far as it is there."""
    for part in key:
        if node is None:
            return
        if isinstance(part, int):
            items = node.items() if node.is_sequence else ()
            if part >= len(items):
                return
            node = items[part]
            yield node.line
        elif node.is_mapping and node.keys and part in node.keys:
            yield node.keys[part][0]
            node = node.get(part)
        else:
            return
