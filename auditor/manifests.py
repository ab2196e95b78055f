"""From the text of a file or rendered template to the Kubernetes objects in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from auditor.errors import ManifestError, Problem
from auditor.yaml import Node, ShapeError, YamlError, read_documents

_KUBERNETES: Final = re.compile(r"^[ \t{]*[\"']?(apiVersion|kind)[\"']?[ \t]*:", re.MULTILINE)
"""What every Kubernetes object says somewhere; a file without it is of another kind."""
_SKIPPED_KIND: Final = re.compile(r"^kind:[ \t]*[\"']?CustomResourceDefinition\b", re.MULTILINE)
"""Definitions are large and make no pods: they are left out before they are parsed."""


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file: path as the user would write it, line and column from 1.

    `rendered`: the path is a chart template, but line and column count in its rendered text.
    """

    path: str
    line: int = 1
    column: int = 1
    rendered: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Document:
    """The text of one file or one rendered template, with its origin.

    path: what the user would open (for a chart, the template). source: the SOURCE it came from, as
    named on the command line or found on the way. chart: the folder or archive of the chart it was
    rendered from, or "". namespace: where Helm or kubectl would put an object that names none.
    lenient: found while walking a folder, so text that is no Kubernetes object is passed over.
    template: Helm's own name of the template, which tells apart two aliases of one subchart; or "".
    home, identity: the folder of its repository, and its path from there: the same in every run,
    however the SOURCE was named and wherever podfit was started; "" where nobody can tell.
    """

    path: str
    text: str
    source: str
    chart: str = ""
    namespace: str = ""
    lenient: bool = False
    template: str = ""
    home: str = ""
    identity: str = ""

    @property
    def rendered(self) -> bool:
        return bool(self.chart)

    @property
    def stable_path(self) -> str:
        """What names the document from one run to the next."""
        return self.identity or self.path.replace("\\", "/")

    def location(self, node: Node) -> Location:
        return Location(self.path, node.line, node.column, rendered=self.rendered)


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Which Kubernetes object: apiVersion, kind, namespace ("" where none is given), name."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One Kubernetes object and where it stands. ordinal: its place among those of its document."""

    ref: ObjectRef
    root: Node
    document: Document
    ordinal: int

    @property
    def location(self) -> Location:
        return self.document.location(self.root)


def read_manifests(document: Document) -> Iterator[Manifest | Problem]:
    """The objects of a document in order; what cannot be read comes as a `Problem` in its place.

    A `List` (any kind ending in `List` that has `items`) stands for its items.
    """
    if document.lenient and not _KUBERNETES.search(document.text):
        return
    ordinal = 0
    for part in read_documents(document.text, skip=_SKIPPED_KIND):
        if isinstance(part, YamlError):
            yield Problem(
                "not a YAML document that Kubernetes can read",
                where=f"{document.path}:{part.line}:{part.column}",
                why=part.message,
                hint="mend it, or leave the file out; what else it holds was audited",
            )
            continue
        try:
            for root in _expand(part):
                if document.lenient and not _is_object(root):
                    continue
                yield Manifest(_object_ref(root, document), root, document, ordinal)
                ordinal += 1
        except ShapeError as error:
            yield shape_error(error, document).problem


def shape_error(error: ShapeError, document: Document) -> ManifestError:
    """A wrongly shaped value as an error of its document."""
    return ManifestError(
        error.message,
        where=f"{document.path}:{error.line}:{error.column}",
        hint="the API server would reject this object; `kubectl apply --dry-run=server` says more",
    )


def _expand(root: Node) -> Iterator[Node]:
    if root.is_mapping and root.text_at("kind").endswith("List") and root.get("items") is not None:
        for item in root.items_at("items"):
            yield from _expand(item)
    else:
        yield root


def _is_object(root: Node) -> bool:
    return root.is_mapping and root.get("apiVersion") is not None and root.get("kind") is not None


def _object_ref(root: Node, document: Document) -> ObjectRef:
    if not root.is_mapping:
        raise ShapeError(f"a Kubernetes object must be a mapping, not {root.type_name}", root)
    for key in ("apiVersion", "kind"):
        if root.get(key) is None:
            raise ShapeError(f"`{key}` is missing: this is not a Kubernetes object", root)
    metadata = root.get("metadata")
    name = metadata.text_at("name") or metadata.text_at("generateName") if metadata else ""
    return ObjectRef(
        api_version=root.text_at("apiVersion"),
        kind=root.text_at("kind"),
        namespace=(metadata.text_at("namespace") if metadata else "") or document.namespace,
        name=name,
    )
