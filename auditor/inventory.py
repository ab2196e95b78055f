"""What the sources hold: workloads and the objects that bear on where they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from auditor.errors import Problem
from auditor.manifests import Document, Manifest, read_manifests, shape_error
from auditor.resources.catalog import find_workloads
from auditor.resources.table import Table
from auditor.sources.interface import Source
from auditor.workloads import Workload
from auditor.yaml import ShapeError

Progress = Callable[[str], None]
"""Called with the path of each document as it is read."""

_SUPPORTING: Final = frozenset(("Namespace", "RuntimeClass"))


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was found, in document order.

    supporting: manifests of other kinds that decide placement (RuntimeClass, Namespace). problems:
    what could not be read.
    """

    workloads: tuple[Workload, ...]
    supporting: tuple[Manifest, ...]
    problems: tuple[Problem, ...]


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
    workloads: list[Workload] = []
    supporting: list[Manifest] = []
    problems: list[Problem] = []
    seen: set[Document] = set()
    for source in sources:
        before = (len(workloads), len(problems))
        for item in source.documents():
            if isinstance(item, Problem):
                problems.append(item)
                continue
            if item in seen:
                continue
            seen.add(item)
            progress(item.path)
            for found in read_document(item, table):
                match found:
                    case Problem():
                        problems.append(found)
                    case Workload():
                        workloads.append(found)
                    case Manifest():
                        supporting.append(found)
        if before == (len(workloads), len(problems)) and not allow_empty:
            problems.append(_nothing(source))
    return Inventory(tuple(workloads), tuple(supporting), tuple(problems))


def read_document(
    document: Document, table: Table | None = None
) -> Iterator[Workload | Manifest | Problem]:
    """What a document holds of workloads and of what bears on them, and what cannot be read."""
    for item in read_manifests(document):
        if isinstance(item, Problem):
            yield item
            continue
        if item.ref.kind in _SUPPORTING:
            yield item
        try:
            yield from find_workloads(item, table)
        except ShapeError as error:
            problem = shape_error(error, document).problem
            yield Problem(f"{item.ref}: {problem.what}", problem.where, problem.why, problem.hint)


def _nothing(source: Source) -> Problem:
    return Problem(
        f"nothing to audit in {source.name}: it makes no pods",
        where=source.name,
        hint="name a chart, a manifest or a folder of them; --allow-empty accepts this",
    )
