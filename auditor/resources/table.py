"""The table of custom resources: which kinds make pods, and where these stand. Data, read once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from auditor.resources.paths import HERE, check_path
from auditor.schema import one_of, only_keys, parsed, required
from auditor.yaml.nodes import Node, ShapeError
from auditor.yaml.reading import YamlError, read_documents

CONTROLLERS: Final = ("DaemonSet", "Deployment", "Job", "StatefulSet")

_ENTRY_KEYS: Final = ("group", "kinds", "source", "note", "pods")
_POD_KEYS: Final = (
    "at",
    "template",
    "component",
    "controller",
    "when",
    "levels",
    "fields",
    "containers",
    "initContainers",
    "images",
    "adds",
    "nodeSelector",
    "operatorImages",
)
FIELDS: Final = (
    "affinity",
    "nodeAffinity",
    "nodeName",
    "nodeSelector",
    "os",
    "runtimeClassName",
    "schedulerName",
    "tolerations",
    "topologySpreadConstraints",
)
"""Fields of a pod spec that bear on placement. `nodeAffinity` is not one: it is the part of
`affinity` of that name, for kinds that have it without the rest."""


PART: Final = re.compile(r"\{([^{}]*)\}")
"""A path within the text of an image that is put together."""


@dataclass(frozen=True, slots=True)
class PodSource:
    """One sort of pods that a kind makes, and where in the object they are described.

    at: path of the mapping that describes them. template: that mapping is a pod template, with
    metadata and spec. component: a name for them. controller: the kind whose rules they follow, ""
    for a plain one. when: path -> the values, one of which it must have, "" for absence. levels:
    where the scheduling fields are looked for, each field taken from the first that has it. fields:
    those under other paths. containers, init_containers: paths of containers or lists of them.
    images: container name -> where its image stands, the first that is there; text with `{path}` in
    it is put together. adds: node selector that the controller adds. node_selector: whether there
    is a field for one. operator_images: the controller chooses images that are not given, so that
    there are pods even where none is.
    """

    at: str
    template: bool = False
    component: str = ""
    controller: str = ""
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    levels: tuple[str, ...] = (HERE,)
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    containers: tuple[str, ...] = ("containers[]",)
    init_containers: tuple[str, ...] = ("initContainers[]",)
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    adds: Mapping[str, str] = field(default_factory=dict)
    node_selector: bool = True
    operator_images: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """Some kinds of one API group that make the same pods. source: where that is documented."""

    group: str
    kinds: tuple[str, ...]
    pods: tuple[PodSource, ...]
    source: str = ""
    note: str = ""


Table = Mapping[tuple[str, str], tuple[PodSource, ...]]
"""API group and kind -> the sorts of pods that it makes."""


def make_table(entries: Iterable[Entry]) -> Table:
    """The entries by group and kind; a later one takes the place of an earlier one."""
    return MappingProxyType(
        {(entry.group, kind): entry.pods for entry in entries for kind in entry.kinds}
    )


def table_with(entries: Iterable[Entry]) -> Table:
    """podfit's own table with a user's entries beside or instead of its own."""
    return make_table((*builtin_entries(), *entries))


@cache
def builtin_table() -> Table:
    """The table that podfit brings along."""
    return make_table(builtin_entries())


@cache
def builtin_entries() -> tuple[Entry, ...]:
    """The entries that podfit brings along."""
    text = files("auditor.resources").joinpath("custom.yaml").read_text(encoding="utf-8")
    (root,) = read_documents(text)
    assert not isinstance(root, YamlError)  # noqa: S101 - our own file, read by the tests
    return read_entries(root)


def read_entries(root: Node) -> tuple[Entry, ...]:
    """The entries of a list. Raises `ShapeError` at what is wrong, with a suggestion."""
    return tuple(map(_entry, root.items()))


def _entry(node: Node) -> Entry:
    only_keys(node, _ENTRY_KEYS, "an entry of the table of resources")
    kinds = tuple(item.text() for item in required(node, "kinds", "an entry").items())
    pods = tuple(map(_pod_source, required(node, "pods", "an entry").items()))
    if not kinds:
        raise ShapeError("an entry needs at least one kind", node)
    return Entry(
        group=required(node, "group", "an entry").text(),
        kinds=kinds,
        pods=pods,
        source=node.text_at("source"),
        note=node.text_at("note"),
    )


def _pod_source(node: Node) -> PodSource:
    """A text alone is the path of a pod template."""
    if node.is_text:
        return PodSource(at=_path(node), template=True)
    only_keys(node, _POD_KEYS, "pods")
    controller, selector = node.get("controller"), node.get("nodeSelector")
    return PodSource(
        at=_path(required(node, "at", "pods")),
        template=node.flag_at("template"),
        component=node.text_at("component"),
        controller=one_of(controller, CONTROLLERS, "a controller") if controller else "",
        when=_conditions(node),
        levels=_paths(node, "levels", (HERE,)),
        fields=_fields(node),
        containers=_paths(node, "containers", ("containers[]",)),
        init_containers=_paths(node, "initContainers", ("initContainers[]",)),
        images={name: _images(value) for name, value in node.mapping_at("images").items()},
        adds=node.texts_at("adds"),
        node_selector=True if selector is None else node.flag_at("nodeSelector"),
        operator_images=node.flag_at("operatorImages"),
    )


def _conditions(node: Node) -> Mapping[str, tuple[str, ...]]:
    conditions = {}
    for path, values in node.mapping_at("when").items():
        parsed(Node(path, values.line, values.column), check_path)
        conditions[path] = _texts(values)
    return conditions


def _fields(node: Node) -> Mapping[str, tuple[str, ...]]:
    fields = node.get("fields")
    if fields is None:
        return {}
    only_keys(fields, FIELDS, "`fields`")
    return {name: tuple(map(_path, _several(value))) for name, value in fields.mapping().items()}


def _path(node: Node) -> str:
    return parsed(node, check_path)


def _paths(node: Node, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_path, node.items_at(key))) if node.get(key) is not None else default


def _images(node: Node) -> tuple[str, ...]:
    """Paths, or text with paths in it."""
    for item in _several(node):
        parsed(item, lambda text: [check_path(part) for part in PART.findall(text) or [text]])
    return tuple(item.text() for item in _several(node))


def _texts(node: Node) -> tuple[str, ...]:
    """What YAML reads as a truth value is written out."""
    return tuple(map(_written, _several(node)))


def _several(node: Node) -> tuple[Node, ...]:
    """The items of a list, or what stands there instead of one."""
    return node.items() if node.is_sequence else (node,)


def _written(node: Node) -> str:
    return str(node.value).lower() if isinstance(node.value, bool) else node.text()
