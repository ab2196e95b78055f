"""From the text of a file or rendered template to the Kubernetes objects in it."""

from __future__ import annotations

import mmap
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from auditor.errors import ManifestError, Problem
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import Word, YamlError, read_documents
from auditor.kubernetes.source_lines import LineMap, OneLine, Precision, SourceLine

_WORDS: Final = (Word("kind"), Word("apiVersion"))
"""What every Kubernetes object says, or the list that it stands in."""
_DEFINITION: Final = "CustomResourceDefinition"
_ROOT_LINE: Final = re.compile(r"^[^ \n][^\n]*", re.MULTILINE)
_DEFINITION_LINE: Final = re.compile(
    r"---[ \t]*|#.*|(?:metadata|spec|status):[ \t]*"
    r"|apiVersion:[ \t]*[\"']?apiextensions\.k8s\.io/\w+[\"']?[ \t]*"
    rf"|(?P<kind>kind):[ \t]*[\"']?{_DEFINITION}[\"']?[ \t]*"
)
"""What the lines at the left of a definition say, as everybody writes one."""
_OTHER_BREAKS: Final = ("\r", "\x85", "\u2028", "\u2029")
"""Breaks of lines for YAML, beside the one that `_ROOT_LINE` knows."""


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file: path as the user would write it, line and column from 1.

    `rendered`: the path is a chart template, but line and column count in its rendered text. lines:
    from there to the template's own, where they are known; most places are never asked for theirs.
    """

    path: str
    line: int = 1
    column: int = 1
    rendered: bool = False
    lines: LineMap | OneLine | None = field(default=None, compare=False, repr=False)

    @property
    def source(self) -> SourceLine | None:
        """The template's own line, where it is known."""
        return self.lines.source_of(self.line) if self.lines else None

    @property
    def file_line(self) -> int:
        """The line of the file to point at: its first where a rendered line is not found in it."""
        if not self.rendered:
            return self.line
        source = self.source
        return source.line if source else 1

    @property
    def file_column(self) -> int:
        """The column beside `file_line`: 1 where the line is not known exactly."""
        return self.column if self.precision is Precision.EXACT else 1

    @property
    def precision(self) -> Precision:
        """How well `file_line` is known."""
        if not self.rendered:
            return Precision.EXACT
        source = self.source
        return source.precision if source else Precision.FILE

    @property
    def note(self) -> str:
        """What is to be said beside a line of a template; "" for other files."""
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

    path: what the user would open (for a chart, the template). source: the SOURCE it came from, as
    named on the command line or found on the way. chart: the folder or archive of the chart it was
    rendered from, or "". namespace: where Helm or kubectl would put an object that names none.
    lenient: found while walking a folder, so text that is no Kubernetes object is passed over.
    template: Helm's own name of the template, which tells apart two aliases of one subchart; or "".
    variant: the values that a chart was rendered with, as they are called; "" where there was only
    one way to render it.
    home, identity: the folder of its repository, and its path from there: the same in every run,
    however the SOURCE was named and wherever podfit was started; "" where nobody can tell.
    in_repository: home is a repository, so that identity is what a code host calls the file. lines:
    from its rendered lines to those of the template.
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
        """What names the document from one run to the next."""
        return self.identity or self.path.replace("\\", "/")

    def location(self, node: Node) -> Location:
        return self.place(node.line, node.column)

    def place(self, line: int, column: int) -> Location:
        """A place in the text."""
        return Location(self.path, line, column, rendered=self.rendered, lines=self.lines)


class ObjectRef(Struct, frozen=True, order=True):
    """Which Kubernetes object: apiVersion, kind, namespace ("" where none is given), name."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Manifest(Struct, frozen=True):
    """One Kubernetes object and where it stands.

    ordinal: its place among those of its document. nth: among those of its kind there, which an
    object of another kind does not change.
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
    """Whether a file may hold Kubernetes objects; if not, it need not be parsed. data: UTF-8."""
    return all(word.may_stand_in(data) for word in _WORDS)


def read_manifests(document: Document) -> Iterator[Manifest | Problem]:
    """The objects of a document in order; what cannot be read comes as a `Problem` in its place.

    What has a list of `items` stands for these, as it does for kubectl, whatever its kind is.
    """
    if document.lenient and not may_hold_objects(document.text.encode("utf-8", "replace")):
        return
    ordinal = 0
    kinds: Counter[str] = Counter()
    for part in read_documents(document.text, skip=_is_definition):
        if isinstance(part, YamlError):
            yield Problem(
                "not a YAML document that Kubernetes can read",
                where=f"{document.path}:{part.line}:{part.column}",
                why=part.message,
                hint="mend it, or leave the file out; what else it holds was audited",
            )
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
    """A wrongly shaped value as an error of its document."""
    return ManifestError(
        error.message,
        where=f"{document.path}:{error.line}:{error.column}",
        hint="the API server would reject this object; `kubectl apply --dry-run=server` says more",
    )


class _Item(Struct, frozen=True):
    """What should be an object. api_version, kind: those that a typed list gives its items."""

    root: Node
    api_version: str = ""
    kind: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether it says, or its list does, what it is."""
        if not self.root.is_mapping:
            return False
        return bool(self.kind) or bool(self.root.get("apiVersion") and self.root.get("kind"))

    def ref(self, namespace: str) -> ObjectRef:
        """Raises ShapeError where it is no Kubernetes object."""
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
    """The items of a list, and of the lists in it; anything else is itself."""
    pending = [_Item(root)]
    while pending:
        item = pending.pop()
        items = _list_items(item.root)
        if items is None:
            yield item
        else:
            pending += reversed(items)


def _list_items(root: Node) -> tuple[_Item, ...] | None:
    """The items of a list; None for what is none. Those of a `PodList` need not say their kind."""
    if not root.is_mapping:
        return None
    kind, listed, version = (root.get(key) for key in ("kind", "items", "apiVersion"))
    if kind is None or not kind.is_text or listed is None or not listed.is_sequence:
        return None
    if not listed.items() and not kind.text().endswith("List"):
        return None
    typed = kind.text().removesuffix("List")
    given = version.text() if typed and version is not None and version.is_text else ""
    return tuple(_Item(node, given, typed) for node in listed.items())


def _is_definition(part: str) -> bool:
    """Whether a document is a CustomResourceDefinition: large, makes no pods, need not be parsed.

    The first line and all that begin at the left are among those of a definition. So the first is
    a key of the root, every other key of the root begins at the left as well, whatever is quoted or
    folded, and `kind` can be none but the one.
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
