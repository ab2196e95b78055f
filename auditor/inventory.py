"""What the sources hold: workloads and the objects that bear on where they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from auditor.errors import Problem
from auditor.manifests import Document, Manifest, read_manifests, shape_error
from auditor.phrases import listed
from auditor.resources.catalog import find_workloads, unread_image
from auditor.resources.table import Table
from auditor.sources.interface import Source
from auditor.variants import merge_workloads
from auditor.workloads import Workload
from auditor.yaml.nodes import ShapeError

Progress = Callable[[str], None]
"""Called with the path of each document as it is read."""

_SUPPORTING: Final = frozenset(("Namespace", "RuntimeClass"))
_NAMED: Final = 5
"""Kinds that a notice names."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was found, in document order.

    supporting: manifests of other kinds that decide placement (RuntimeClass, Namespace). problems:
    what could not be read. notices: what nobody looked at, and should know.
    """

    workloads: tuple[Workload, ...]
    supporting: tuple[Manifest, ...]
    problems: tuple[Problem, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnreadKind:
    """A kind of custom resource that seems to make pods, and nobody said how. path: of an image."""

    kind: str
    group: str
    path: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.group} (image at {self.path})"


def take_inventory(
    sources: Iterable[Source],
    *,
    table: Table | None = None,
    allow_empty: bool = False,
    progress: Progress = lambda _: None,
) -> Inventory:
    """Everything the sources hold. A source without a workload is a problem unless allowed.

    table: of custom resources; None for podfit's own.
    """
    collected = _Collected(table)
    for source in sources:
        before = collected.size
        for item in source.documents():
            if isinstance(item, Document):
                progress(item.path)
            collected.add(item)
        if before == collected.size and not allow_empty:
            collected.problems.append(_nothing(source))
    return Inventory(
        merge_workloads(collected.workloads),
        tuple(collected.supporting),
        tuple(dict.fromkeys(collected.problems)),
        tuple(_unread(tuple(dict.fromkeys(collected.unread)))),
    )


@dataclass(slots=True)
class _Collected:
    """What was found so far. read: the workloads of each text, whatever variant it comes from."""

    table: Table | None
    workloads: list[Workload] = field(default_factory=list)
    supporting: list[Manifest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: list[UnreadKind] = field(default_factory=list)
    read: dict[Document, tuple[Workload, ...]] = field(default_factory=dict)
    seen: set[Document] = field(default_factory=set)

    @property
    def size(self) -> tuple[int, int]:
        return len(self.workloads), len(self.problems)

    def add(self, item: Document | Problem) -> None:
        if isinstance(item, Problem):
            self.problems.append(item)
        elif item not in self.seen:
            self.seen.add(item)
            variants = (item.variant,) if item.variant else ()
            text = replace(item, variant="")
            if text not in self.read:
                self.read[text] = tuple(self._read(item))
            self.workloads += (replace(found, variants=variants) for found in self.read[text])

    def _read(self, document: Document) -> Iterator[Workload]:
        for found in read_document(document, self.table):
            match found:
                case Problem():
                    self.problems.append(found)
                case Manifest():
                    self.supporting.append(found)
                case UnreadKind():
                    self.unread.append(found)
                case Workload():
                    yield found


def read_document(
    document: Document, table: Table | None = None
) -> Iterator[Workload | Manifest | Problem | UnreadKind]:
    """What a document holds of workloads and of what bears on them, and what cannot be read."""
    for item in read_manifests(document):
        if isinstance(item, Problem):
            yield item
            continue
        if item.ref.kind in _SUPPORTING:
            yield item
        try:
            empty = True
            for workload in find_workloads(item, table):
                empty = False
                yield workload
            if empty and (path := unread_image(item, table)):
                yield UnreadKind(item.ref.kind, item.ref.api_version.partition("/")[0], path)
        except ShapeError as error:
            problem = shape_error(error, document).problem
            yield Problem(f"{item.ref}: {problem.what}", problem.where, problem.why, problem.hint)


def _unread(kinds: Sequence[UnreadKind]) -> Iterator[str]:
    if kinds:
        yield (
            f"{listed(map(str, kinds), limit=_NAMED)} may make pods, and podfit does not know "
            "where: they were not audited; `custom-resources` in .podfit.yaml can tell it"
        )


def _nothing(source: Source) -> Problem:
    return Problem(
        f"nothing to audit in {source.name}: it makes no pods",
        where=source.name,
        why=source.why_empty,
        hint="name a chart, a manifest or a folder of them; --allow-empty accepts this",
    )
