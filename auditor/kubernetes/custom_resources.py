"""The table of custom resources: which kinds make pods, and where these stand. Data, read once.

Where things stand in an object: `spec.tasks[].template`, `spec.override{}`, `/spec.image`.
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

_STEP: Final = re.compile(r"(?P<key>[^.\[\]{}/\s]+)(?P<each>\[\]|\{\})?")
_NAMING_KEYS: Final = ("name", "groupName")
"""What tells the items of a list apart, where one of them has it."""


class Match(Struct, frozen=True):
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
"""Fields of a pod spec that bear on placement. `nodeAffinity` is not one: it is the part of
`affinity` of that name, for kinds that have it without the rest."""


PART: Final = re.compile(r"\{([^{}]*)\}")
"""A path within the text of an image that is put together."""


class PodSource(Struct, frozen=True):
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


class Entry(Struct, frozen=True):
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
    text = Path(__file__).with_name("custom_resources.yaml").read_text(encoding="utf-8")
    (root,) = read_documents(text)
    assert not isinstance(root, YamlError)  # noqa: S101 - our own file, read by the tests
    return ENTRIES.read(root)


def _field_name(text: str) -> str:
    if text not in FIELDS:
        advice = suggestion(text, FIELDS) or f"podfit looks at {', '.join(FIELDS)}"
        raise ValueError(f"`{text}` is no field of pods that bears on placement; {advice}")
    return text


def _image(text: str) -> str:
    """A path, or text with paths in it."""
    for path in PART.findall(text) or [text]:
        check_path(path)
    return text


def _template(path: str) -> PodSource:
    return PodSource(at=check_path(path), template=True)


def _source(**values: Any) -> PodSource:
    for key in ("when", "fields", "images", "adds"):
        values[key] = dict(values.get(key, ()))
    when = {path: tuple(map(_written, wanted)) for path, wanted in values.pop("when").items()}
    return PodSource(when=when, **values)


def _written(value: object) -> str:
    """As `when` compares it: what YAML reads as a truth value is written out."""
    return str(value).lower() if isinstance(value, bool) else str(value)


_NAME: Final = Text(str)
_PATH: Final = Text(check_path)
_SOURCE: Final = Record(
    "pods",
    _source,
    {
        "at": Key(
            _PATH,
            "Path of the mapping that describes the pods; `[]` after a key stands for each item of "
            "a list, `{}` for each value of a mapping.",
            required=True,
        ),
        "template": Key(Flag(), "Whether that mapping is a pod template, with metadata and spec."),
        "component": Key(_NAME, "A name for these pods, where an object makes several sorts."),
        "controller": Key(
            Choice({name: name for name in CONTROLLERS}, "a controller"), "Whose rules they follow."
        ),
        "when": Key(
            MapOf(OneOrMore(Scalar(), "the values"), check_path),
            'Path -> the values, one of which it must have, "" for absence; otherwise there are no '
            "such pods.",
        ),
        "levels": Key(
            ListOf(_PATH),
            "Where nodeSelector, affinity, tolerations ... are looked for, each taken from the "
            'first that has it; "." is `at` itself, "/" begins at the object.',
        ),
        "fields": Key(
            MapOf(OneOrMore(_PATH, "the paths"), _field_name),
            "Those that stand elsewhere: a path, or several, of which the first counts; "
            "nodeAffinity is the part of affinity of that name.",
        ),
        "containers": Key(
            ListOf(_PATH), "Paths of containers, or of lists of them; without it, containers[]."
        ),
        "initContainers": Key(ListOf(_PATH), "The same for init containers."),
        "images": Key(
            MapOf(OneOrMore(Text(_image), "the images")),
            "Container name -> path of its image, or several, of which the first counts, or text "
            "with {path} in it.",
        ),
        "adds": Key(MapOf(_NAME), "Node selector that the controller adds on its own."),
        "nodeSelector": Key(Flag(), "false: there is no field for one, only affinity."),
        "operatorImages": Key(
            Flag(), "true: the controller chooses images that are not given, so there are pods."
        ),
    },
    names={
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
            "kinds": Key(OneOrMore(_NAME, "kinds"), "Its kinds that are alike.", required=True),
            "source": Key(_NAME, "Where they are documented."),
            "note": Key(_NAME, "What else there is to know."),
            "pods": Key(
                ListOf(MappingOr(_SOURCE, Text(_template))),
                "Where their pods are: a path of a pod template, or a mapping; [] where they make "
                "none of their own.",
                required=True,
            ),
        },
    )
)
"""The table as it is written; docs/custom-resources.md explains it."""
