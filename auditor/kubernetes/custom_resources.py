"""The table of custom resources that make pods, and the paths of their pods.

Examples of paths: `spec.tasks[].template`, `spec.override{}`, `/spec.image`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct, field

from auditor.files.strict import (
    Choice,
    Flag,
    Key,
    ListOf,
    MapOf,
    MappingOr,
    OneOrMore,
    Record,
    Scalar,
    Text,
    suggestion,
)
from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import YamlError, read_documents

HERE: Final = "."

_STEP: Final = re.compile(r"(?P<key>[^.\[\]{}/\s]+)(?P<each>\[(?P<named>[A-Za-z]*)\]|\{\})?")
_NAMING_KEYS: Final = ("name", "groupName")
"""Keys that identify the items of a list."""


class Match(Struct, frozen=True):
    """A value at a path in an object, and the names of the list items and map keys on the path."""

    node: Node
    path: str
    names: tuple[str, ...] = ()


def check_path(path: str) -> str:
    """Return the path. Raises ValueError if it is invalid.

    A path consists of keys separated by dots; `[]` after a key means each item of a list, `{}` each
    value of a mapping, and `[key]` each item of a list whose `key` is the name of the entry. It is
    relative to the entry, or to the object with a leading `/`. `.` is the entry itself.
    """
    steps = path.removeprefix("/").split(".")
    if path != HERE and not all(_STEP.fullmatch(step) for step in steps):
        raise ValueError(f"`{path}` is not a path; write it as spec.tasks[].template")
    return path


def matches(path: str, here: Node, root: Node, name: str = "") -> Iterator[Match]:
    """Yield the values at a path; nothing if a step is absent or has another type.

    `/` is the object itself.

    Args:
        name: The name of the entry, for `[key]`.
    """
    found = [Match(root if path.startswith("/") else here, "")]
    steps = "" if path == HERE else path.removeprefix("/")
    for step in filter(None, steps.split(".")):
        found = [after for before in found for after in _step(step, before, name)]
    yield from found


def _step(step: str, before: Match, wanted: str) -> Iterator[Match]:
    parts = _STEP.fullmatch(step)
    node = before.node.get(parts["key"]) if parts and before.node.is_mapping else None
    if node is None or parts is None:
        return
    path = f"{before.path}.{parts['key']}".lstrip(".")
    if not parts["each"]:
        yield Match(node, path, before.names)
    elif step.endswith("]") and isinstance(node.value, tuple):
        for index, item in enumerate(node.value):
            if parts["named"] and not _is_named(item, parts["named"], wanted):
                continue
            name = _item_name(item) or str(index)
            yield Match(item, f"{path}[{name}]", (*before.names, name))
    elif step.endswith("{}") and isinstance(node.value, Mapping):
        for name, item in node.mapping().items():
            yield Match(item, f"{path}.{name}", (*before.names, name))


def is_conditional(path: str) -> bool:
    """Return whether a path has a step `[key]`, so that not every entry has such a place."""
    steps = map(_STEP.fullmatch, path.removeprefix("/").split("."))
    return any(step is not None and step["named"] for step in steps)


def _is_named(item: Node, key: str, name: str) -> bool:
    value = item.get(key) if item.is_mapping else None
    return value is not None and value.value == name


def _item_name(item: Node) -> str:
    for key in _NAMING_KEYS:
        name = item.get(key) if item.is_mapping else None
        if name is not None and name.is_text:
            return name.text()
    return ""


CONTROLLERS: Final = ("DaemonSet", "Deployment", "Job", "StatefulSet")

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
"""Fields of a pod spec that affect placement, and `nodeAffinity` for kinds that have this part of
`affinity` as a separate field."""


PART: Final = re.compile(r"\{([^{}]*)\}")
"""A path in the template of an image."""


class PodSource(Struct, frozen=True):
    """One sort of pods that a kind makes, and the paths of their fields in the object.

    Attributes:
        at: Path of the mapping that describes the pods.
        template: Whether that mapping is a pod template with metadata and spec.
        component: A name for these pods.
        controller: The kind whose rules they follow; "" for plain pods.
        when: Path -> values, one of which it must have; "" means absent.
        levels: Paths searched for each scheduling field; the first that has it is used.
        fields: Scheduling fields at other paths.
        containers: Paths of containers or lists of them.
        init_containers: Paths of init containers or lists of them.
        images: Container name -> paths of its image, of which the first present is used, or text
            with `{path}` in it.
        merged: Scheduling fields that are merged from all levels; the first level prevails.
        flat: Path of a mapping -> prefixes of its keys, after which the key of a label follows.
        patches: Strategic merge patches of the pod spec in order, text or mappings: for each its
            paths, of which the first present is used.
        unread: Paths of fields that affect the placement, but that podfit cannot read.
        adds: The node selector that the controller adds.
        default_selector: The node selector that the controller adds if the object sets none.
        since: The first version of the controller with this default, compared with the object's
            label `app.kubernetes.io/version`; "" for every version.
        node_selector: Whether the kind has a field for a node selector.
        operator_images: Whether the controller chooses images that are not set, so that there are
            pods without any image in the object.
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
    merged: tuple[str, ...] = ()
    flat: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    patches: tuple[tuple[str, ...], ...] = ()
    unread: tuple[str, ...] = ()
    adds: Mapping[str, str] = field(default_factory=dict)
    default_selector: Mapping[str, str] = field(default_factory=dict)
    since: str = ""
    node_selector: bool = True
    operator_images: bool = False


class Entry(Struct, frozen=True):
    """Kinds of one API group that make the same pods. `source` documents them."""

    group: str
    kinds: tuple[str, ...]
    pods: tuple[PodSource, ...]
    source: str = ""
    note: str = ""


Table = Mapping[tuple[str, str], tuple[PodSource, ...]]
"""API group and kind -> the sorts of pods that it makes."""


def make_table(entries: Iterable[Entry]) -> Table:
    """Return the entries by group and kind; later entries replace earlier ones."""
    return MappingProxyType(
        {(entry.group, kind): entry.pods for entry in entries for kind in entry.kinds}
    )


def table_with(entries: Iterable[Entry]) -> Table:
    """Return the built-in table with a user's entries added or replaced."""
    return make_table((*builtin_entries(), *entries))


@cache
def builtin_table() -> Table:
    return make_table(builtin_entries())


@cache
def builtin_entries() -> tuple[Entry, ...]:
    text = Path(__file__).with_name("custom_resources.yaml").read_text(encoding="utf-8")
    (root,) = read_documents(text)
    assert not isinstance(root, YamlError)  # noqa: S101 - our own file, read by the tests
    return ENTRIES.read(root)


def _field_name(text: str) -> str:
    if text not in FIELDS:
        advice = suggestion(text, FIELDS) or f"podfit reads {', '.join(FIELDS)}"
        raise ValueError(f"`{text}` is not a pod field that affects placement; {advice}")
    return text


def _image(text: str) -> str:
    """Check a path, or text with `{path}` in it."""
    for path in PART.findall(text) or [text]:
        check_path(path)
    return text


def _template(path: str) -> PodSource:
    return PodSource(at=check_path(path), template=True)


def _source(**values: Any) -> PodSource:
    for key in ("when", "fields", "images", "flat", "adds", "default_selector"):
        values[key] = dict(values.get(key, ()))
    when = {path: tuple(map(_written, wanted)) for path, wanted in values.pop("when").items()}
    return PodSource(when=when, **values)


def _written(value: object) -> str:
    """Return a value as `when` compares it, booleans as `true` and `false`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


_NAME: Final = Text(str)
_PATH: Final = Text(check_path)
_SOURCE: Final = Record(
    "pods",
    _source,
    {
        "at": Key(
            _PATH,
            "Path of the mapping that describes the pods; `[]` after a key means each item of a "
            "list, `{}` each value of a mapping.",
            required=True,
        ),
        "template": Key(Flag(), "Whether that mapping is a pod template, with metadata and spec."),
        "component": Key(_NAME, "A name for these pods, if an object makes several sorts."),
        "controller": Key(
            Choice({name: name for name in CONTROLLERS}, "a controller"),
            "The kind whose rules the pods follow.",
        ),
        "when": Key(
            MapOf(OneOrMore(Scalar(), "the values"), check_path),
            'Path -> values, one of which it must have for these pods to exist; "" means absent.',
        ),
        "levels": Key(
            ListOf(_PATH),
            "Paths searched for nodeSelector, affinity, tolerations ...; each is taken from the "
            'first path that has it. "." is `at` itself, a leading "/" the object.',
        ),
        "fields": Key(
            MapOf(OneOrMore(_PATH, "the paths"), _field_name),
            "Scheduling fields at other paths: a path, or several, of which the first present is "
            "used; nodeAffinity is that part of affinity.",
        ),
        "containers": Key(
            ListOf(_PATH), "Paths of containers, or of lists of them; by default, containers[]."
        ),
        "initContainers": Key(ListOf(_PATH), "The same for init containers."),
        "images": Key(
            MapOf(OneOrMore(Text(_image), "the images")),
            "Container name -> path of its image, or several, of which the first present is used, "
            "or text with {path} in it.",
        ),
        "merged": Key(
            ListOf(Text(_field_name)),
            "Fields that are merged from all levels; the first level prevails.",
        ),
        "flatSelectors": Key(
            MapOf(OneOrMore(_NAME, "the prefixes"), check_path),
            "Path of a mapping -> prefixes of its keys, after which the key of a node label "
            "follows, such as spark.kubernetes.node.selector.",
        ),
        "patches": Key(
            ListOf(OneOrMore(_PATH, "the paths")),
            "Strategic merge patches of the pod spec, in their order: a path, or several, of which "
            "the first present is used.",
        ),
        "unread": Key(
            ListOf(_PATH),
            "Paths of fields that affect the placement, but that podfit cannot read: where one is "
            "set, the placement is undecided.",
        ),
        "adds": Key(MapOf(_NAME), "Node selector that the controller adds."),
        "defaultNodeSelector": Key(
            MapOf(_NAME), "Node selector that the controller adds if the object sets none."
        ),
        "since": Key(
            _NAME,
            "First version of the controller with defaultNodeSelector, compared with the label "
            "app.kubernetes.io/version of the object.",
        ),
        "nodeSelector": Key(Flag(), "false: the kind has no nodeSelector field, only affinity."),
        "operatorImages": Key(
            Flag(), "true: the controller chooses images that are not set, so there are pods."
        ),
    },
    names={
        "flatSelectors": "flat",
        "defaultNodeSelector": "default_selector",
        "initContainers": "init_containers",
        "nodeSelector": "node_selector",
        "operatorImages": "operator_images",
    },
)
ENTRIES: Final = ListOf(
    Record(
        "an entry of the table of resources",
        Entry,
        {
            "group": Key(_NAME, "The API group.", required=True),
            "kinds": Key(OneOrMore(_NAME, "kinds"), "Kinds with the same fields.", required=True),
            "source": Key(_NAME, "URL of their documentation."),
            "note": Key(_NAME, "Further notes."),
            "pods": Key(
                ListOf(MappingOr(_SOURCE, Text(_template))),
                "Their pods: a path of a pod template, or a mapping; [] if they make no pods of "
                "their own.",
                required=True,
            ),
        },
    )
)
"""The format of the table; docs/custom-resources.md explains it."""
