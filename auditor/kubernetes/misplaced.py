"""Scheduling fields that stand where Kubernetes does not read them (`core/v1` PodSpec).

Only objects of Kubernetes itself are searched: custom resources define such names for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from auditor.files.yaml_nodes import Node, ShapeError
from auditor.kubernetes.pod_spec import Place, Scheduling, read_scheduling

_AFFINITY: Final = ("affinity", "nodeAffinity")
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "nodeselector": ("nodeSelector",),
    "nodeselectors": ("nodeSelector",),
    "affinity": ("affinity",),
    "nodeaffinity": _AFFINITY,
    "requiredduringschedulingignoredduringexecution": (*_AFFINITY, _REQUIRED),
    "nodeselectorterms": (*_AFFINITY, _REQUIRED, "nodeSelectorTerms"),
    "toleration": ("tolerations",),
    "tolerations": ("tolerations",),
}
"""A key in small letters -> the path of the field in the pod spec that it seems to mean."""
_NO_LETTERS: Final = re.compile(r"[^a-z]")


class Misplaced(Struct, frozen=True):
    """A scheduling field in the wrong place, or with a misspelt name.

    Attributes:
        path: Where it stands in the object, such as `spec.nodeSelector`.
        belongs: Where Kubernetes reads it, such as `spec.template.spec.nodeSelector`.
        scheduling: What it would demand there.
        place: Line and column of its key.
    """

    path: str
    belongs: str
    scheduling: Scheduling
    place: Place


def misplaced_fields(root: Node, template: tuple[str, ...]) -> Iterator[Misplaced]:
    """Yield the misplaced fields of an object.

    Args:
        root: The object.
        template: The path of its pod template, a mapping with `metadata` and `spec`.
    """
    spec = (*template, "spec")
    for path, holder in _holders(root, spec):
        for key, node in holder.mapping().items():
            field = _FIELDS.get(_NO_LETTERS.sub("", key.lower()))
            if field is None or (*path, key) == (*spec, *field):
                continue
            scheduling = _read(field, node)
            if scheduling is not None:
                yield Misplaced(
                    path=".".join((*path, key)),
                    belongs=".".join((*spec, *field)),
                    scheduling=scheduling,
                    place=holder.key_place(key),
                )


def _holders(root: Node, spec: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Yield the mappings in which people put such fields, each with its path."""
    for end in range(len(spec) + 1):
        path = spec[:end]
        yield from _mapping_at(root, path)
        yield from _mapping_at(root, (*path, "metadata"))
        yield from _mapping_at(root, (*path, "selector"))
    for below in (("affinity",), _AFFINITY, (*_AFFINITY, _REQUIRED), ("securityContext",)):
        yield from _mapping_at(root, (*spec, *below))
    pod = root.at(*spec)
    for key in ("initContainers", "containers"):
        found = pod.get(key) if pod is not None else None
        items = found.value if found is not None and isinstance(found.value, tuple) else ()
        for index, container in enumerate(items):
            path = (*spec, f"{key}[{index}]")
            if container.is_mapping:
                yield path, container
                for name in ("resources", "securityContext"):
                    yield from (
                        ((*path, name), node) for _, node in _mapping_at(container, (name,))
                    )


def _mapping_at(root: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    try:
        node = root.at(*path)
    except ShapeError:
        return
    if node is not None and node.is_mapping:
        yield path, node


def _read(field: tuple[str, ...], node: Node) -> Scheduling | None:
    """Return what a field would demand in its place; None if it would not be valid there."""
    for key in reversed(field):
        node = Node({key: node}, node.line, node.column, {key: (node.line, node.column)})
    try:
        return read_scheduling(node)
    except ShapeError:
        return None
