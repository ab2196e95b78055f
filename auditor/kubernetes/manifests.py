"""Documents, locations, and the Kubernetes objects in a file or rendered template."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from auditor.errors import ManifestError, Problem
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import Word, YamlError, read_documents
from auditor.kubernetes.openshift import template_objects
from auditor.kubernetes.source_lines import LineMap, OneLine, Precision, SourceLine

if TYPE_CHECKING:
    import mmap


_WORDS: Final = (Word("kind"), Word("apiVersion"))
"""Keys that every Kubernetes object or its list has."""
_DEFINITION: Final = "CustomResourceDefinition"
_ROOT_LINE: Final = re.compile(r"^[^ \n][^\n]*", re.MULTILINE)
_DEFINITION_LINE: Final = re.compile(
    r"---[ \t]*|#.*|(?:metadata|spec|status):[ \t]*"
    r"|apiVersion:[ \t]*[\"']?apiextensions\.k8s\.io/\w+[\"']?[ \t]*"
    rf"|(?P<kind>kind):[ \t]*[\"']?{_DEFINITION}[\"']?[ \t]*"
)
"""The unindented lines of a definition in its usual form."""
_OTHER_BREAKS: Final = ("\r", "\x85", "\u2028", "\u2029")
"""Line breaks of YAML other than the one in `_ROOT_LINE`."""


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file.

    Attributes:
        path: The path as the user would write it.
        line: From 1.
        column: From 1.
        rendered: Whether line and column refer to the rendered text of the template at `path`.
        lines: Maps rendered lines to template lines, on demand.
    """

    path: str
    line: int = 1
    column: int = 1
    rendered: bool = False
    lines: LineMap | OneLine | None = field(default=None, compare=False, repr=False)

    @property
    def source(self) -> SourceLine | None:
        """The line in the template, if known."""
        return self.lines.source_of(self.line) if self.lines else None

    @property
    def file_line(self) -> int:
        """The line of the file to point to; 1 if a rendered line is not found in the template."""
        if not self.rendered:
            return self.line
        source = self.source
        return source.line if source else 1

    @property
    def file_column(self) -> int:
        """The column in `file_line`; 1 if the line is not known exactly."""
        return self.column if self.precision is Precision.EXACT else 1

    @property
    def precision(self) -> Precision:
        """The precision of `file_line`."""
        if not self.rendered:
            return Precision.EXACT
        source = self.source
        return source.precision if source else Precision.FILE

    @property
    def note(self) -> str:
        """A note on a line of a template; "" for other files."""
        if not self.rendered:
            return ""
        near = "made near here: " if self.precision is Precision.ANCHOR else ""
        return f"{near}line {self.line} when rendered"

    def __str__(self) -> str:
        if not self.rendered:
            return f"{self.path}:{self.line}:{self.column}"
        return self.path if self.precision is Precision.FILE else f"{self.path}:{self.file_line}"


@dataclass(frozen=True, slots=True)
class Document:
    """The text of one file or one rendered template, with its origin.

    Attributes:
        path: The file to open; for a chart, the template.
        source: The SOURCE, as on the command line or found in a folder.
        chart: The chart folder or archive that it was rendered from, or "".
        namespace: The namespace of objects that set none.
        lenient: Found while walking a folder, so text that is not a Kubernetes object is skipped.
        template: Helm's name of the template, distinct for each alias of a subchart; or "".
        home: The repository's root or the file's folder; "" for other sources.
        identity: The path from `home`, independent of how SOURCE is written and of the working
            directory; "" if unknown.
        in_repository: Whether `home` is a repository, so that `identity` is the path on a code
            host.
        lines: Maps rendered lines to template lines.
        variant: The name of the values that a chart was rendered with; "" if only rendered once.
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
    in_repository: bool = False
    lines: LineMap | OneLine | None = field(default=None, compare=False, repr=False)
    variant: str = ""

    @property
    def rendered(self) -> bool:
        return bool(self.chart)

    @property
    def stable_path(self) -> str:
        """A name for the document that is the same in every run."""
        return self.identity or self.path.replace("\\", "/")

    def location(self, node: Node) -> Location:
        return self.place(node.line, node.column)

    def place(self, line: int, column: int) -> Location:
        return Location(self.path, line, column, rendered=self.rendered, lines=self.lines)


class ObjectRef(Struct, frozen=True, order=True):
    """apiVersion, kind, namespace ("" if unset) and name of a Kubernetes object."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Manifest(Struct, frozen=True):
    """One Kubernetes object in a document.

    Attributes:
        ordinal: Its position among the objects of the document.
        nth: Its position among the objects of its kind, which other kinds do not affect.
    """

    ref: ObjectRef
    root: Node
    document: Document
    ordinal: int
    nth: int = 0

    @property
    def location(self) -> Location:
        return self.document.location(self.root)


def may_hold_objects(data: bytes | mmap.mmap) -> bool:
    """Whether UTF-8 data may contain Kubernetes objects and has to be parsed."""
    return all(word.may_stand_in(data) for word in _WORDS)


def read_manifests(document: Document) -> Iterator[Manifest | Problem]:
    """Yield the objects of a document in order, and a `Problem` for each that cannot be read.

    An object of any kind with a list of `items` is replaced by these, as in kubectl, and a Template
    of OpenShift by its objects.
    """
    if document.lenient and not may_hold_objects(document.text.encode("utf-8", "replace")):
        return
    ordinal = 0
    kinds: Counter[str] = Counter()
    for part in read_documents(document.text, skip=_is_definition):
        if isinstance(part, YamlError):
            yield ManifestError(
                "not a YAML document that Kubernetes can read",
                where=f"{document.path}:{part.line}:{part.column}",
                why=part.message,
                hint="fix it, or leave the file out; its other documents were audited",
            ).problem
            continue
        for item in _objects(part):
            try:
                if document.lenient and not item.is_complete:
                    continue
                ref = item.ref(document.namespace)
                yield Manifest(ref, item.root, document, ordinal, kinds[ref.kind])
                ordinal += 1
                kinds[ref.kind] += 1
            except ShapeError as error:
                yield shape_error(error, document).problem


def shape_error(error: ShapeError, document: Document) -> ManifestError:
    """Return the error for a value of the wrong type."""
    return ManifestError(
        error.message,
        where=f"{document.path}:{error.line}:{error.column}",
        hint="the API server rejects this object; `kubectl apply --dry-run=server` gives details",
    )


class _Item(Struct, frozen=True):
    """A possible object; `api_version` and `kind` are the defaults from a typed list."""

    root: Node
    api_version: str = ""
    kind: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the item or its list sets apiVersion and kind."""
        if not self.root.is_mapping:
            return False
        return bool(self.kind) or bool(self.root.get("apiVersion") and self.root.get("kind"))

    def ref(self, namespace: str) -> ObjectRef:
        """Return the object's reference. Raises ShapeError if it is not a Kubernetes object."""
        root = self.root
        if not root.is_mapping:
            raise ShapeError(f"a Kubernetes object must be a mapping, not {root.type_name}", root)
        api_version = root.text_at("apiVersion") or self.api_version
        kind = root.text_at("kind") or self.kind
        for key, value in (("apiVersion", api_version), ("kind", kind)):
            if not value:
                raise ShapeError(f"`{key}` is missing: this is not a Kubernetes object", root)
        if kind.endswith("List"):
            root.items_at("items")
        metadata = root.get("metadata") or Node({}, root.line, root.column)
        return ObjectRef(
            api_version=api_version,
            kind=kind,
            namespace=metadata.text_at("namespace") or namespace,
            name=metadata.text_at("name") or metadata.text_at("generateName"),
        )


def _objects(root: Node) -> Iterator[_Item]:
    """Yield the items of a list and its nested lists, or else the object itself."""
    pending = [_Item(root)]
    while pending:
        item = pending.pop()
        items = _list_items(item.root)
        if items is None:
            yield item
        else:
            pending += reversed(items)


def _list_items(root: Node) -> tuple[_Item, ...] | None:
    """Return the items of a list, or None. Items of a `PodList` need not set their kind."""
    if not root.is_mapping:
        return None
    if (objects := template_objects(root)) is not None:
        return tuple(_Item(node) for node in objects)
    kind, listed, version = (root.get(key) for key in ("kind", "items", "apiVersion"))
    if kind is None or not kind.is_text or listed is None or not listed.is_sequence:
        return None
    if not listed.items() and not kind.text().endswith("List"):
        return None
    typed = kind.text().removesuffix("List")
    given = version.text() if typed and version is not None and version.is_text else ""
    return tuple(_Item(node, given, typed) for node in listed.items())


def _is_definition(part: str) -> bool:
    """Whether a document is a CustomResourceDefinition, which makes no pods and is slow to parse.

    The first line and all unindented lines must be lines of a definition. Then the first is a key
    of the root, every other key of the root is unindented too, even with quoted or folded text, and
    there is no other `kind`.
    """
    if _DEFINITION not in part:
        return False
    text = part.replace("\r\n", "\n")
    if any(mark in text for mark in _OTHER_BREAKS):
        return False
    kinds = 0
    first = ""
    for match in _ROOT_LINE.finditer(text):
        line = _DEFINITION_LINE.fullmatch(match[0])
        if line is None:
            return False
        kinds += line["kind"] is not None
        if not first and not match[0].startswith(("-", "#")):
            first = match[0]
            if "\n " in f"\n{text[: match.start()]}":
                return False
    return kinds == 1
