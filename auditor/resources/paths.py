"""Where things stand in an object: `spec.tasks[].template`, `spec.override{}`, `/spec.image`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from auditor.yaml.nodes import Node

HERE: Final = "."

_STEP: Final = re.compile(r"(?P<key>[^.\[\]{}/\s]+)(?P<each>\[\]|\{\})?")
_NAMING_KEYS: Final = ("name", "groupName")
"""What tells the items of a list apart, where one of them has it."""


@dataclass(frozen=True, slots=True)
class Match:
    """A value that a path leads to. path: as in the object. names: of the items on the way."""

    node: Node
    path: str
    names: tuple[str, ...] = ()


def check_path(path: str) -> str:
    """The path itself. Raises ValueError where it is none.

    Keys with dots between them; `[]` after a key stands for each item of a list, `{}` for each
    value of a mapping. A leading `/` begins at the object instead of where the entry is. `.` is
    there itself.
    """
    steps = path.removeprefix("/").split(".")
    if path != HERE and not all(_STEP.fullmatch(step) for step in steps):
        raise ValueError(f"`{path}` is not a path; write it as spec.tasks[].template")
    return path


def matches(path: str, here: Node, root: Node) -> Iterator[Match]:
    """What a path leads to; nothing where a step is absent or of another shape.

    A `/` alone is the object itself.
    """
    found = [Match(root if path.startswith("/") else here, "")]
    steps = "" if path == HERE else path.removeprefix("/")
    for step in filter(None, steps.split(".")):
        found = [after for before in found for after in _step(step, before)]
    yield from found


def _step(step: str, before: Match) -> Iterator[Match]:
    key, each = step.rstrip("[]{}"), step.endswith(("[]", "{}"))
    node = before.node.get(key) if before.node.is_mapping else None
    if node is None:
        return
    path = f"{before.path}.{key}".lstrip(".")
    if not each:
        yield Match(node, path, before.names)
    elif step.endswith("[]") and isinstance(node.value, tuple):
        for index, item in enumerate(node.value):
            name = _item_name(item) or str(index)
            yield Match(item, f"{path}[{name}]", (*before.names, name))
    elif step.endswith("{}") and isinstance(node.value, Mapping):
        for name, item in node.mapping().items():
            yield Match(item, f"{path}.{name}", (*before.names, name))


def _item_name(item: Node) -> str:
    for key in _NAMING_KEYS:
        name = item.get(key) if item.is_mapping else None
        if name is not None and name.is_text:
            return name.text()
    return ""
