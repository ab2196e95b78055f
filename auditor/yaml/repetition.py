"""Keys that stand twice: no error to Kubernetes, and seldom what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml as pyyaml

from auditor.yaml.nodes import Node


def repeated_keys(text: str) -> tuple[Node, ...]:
    """The keys that stand twice in a mapping, in document order; Kubernetes takes the last of them.

    What cannot be read has none: `read_documents` says what is wrong with it.
    """
    found: list[Node] = []
    stack = [_Names(set())]
    try:
        for event in pyyaml.parse(text, Loader=pyyaml.CSafeLoader):
            if isinstance(event, pyyaml.NodeEvent):
                found += stack[-1].add(event)
            if isinstance(event, pyyaml.CollectionStartEvent):
                stack.append(_Names(set(), is_mapping=isinstance(event, pyyaml.MappingStartEvent)))
            elif isinstance(event, pyyaml.CollectionEndEvent):
                stack.pop()
    except pyyaml.YAMLError:
        return ()
    return tuple(found)


@dataclass(slots=True)
class _Names:
    """The keys of a collection so far. at_key: whether a key comes next, not a value."""

    known: set[str]
    is_mapping: bool = False
    at_key: bool = True

    def add(self, event: Any) -> Iterator[Node]:
        """The key that this node repeats, if it does."""
        if self.is_mapping and self.at_key and isinstance(event, pyyaml.ScalarEvent):
            mark: Any = event.start_mark
            if event.value in self.known:
                yield Node(event.value, mark.line + 1, mark.column + 1)
            self.known.add(event.value)
        self.at_key = not self.at_key
