"""How workloads are read and judged: as the audit did it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.assessment import Assess
from auditor.errors import Problem
from auditor.inventory import read_document
from auditor.manifests import Document
from auditor.resources.table import Table
from auditor.workloads import Workload


@dataclass(frozen=True, slots=True)
class Judging:
    """table: of custom resources; None for podfit's own."""

    assess: Assess
    table: Table | None = None

    def read(self, document: Document) -> Iterator[Workload | Problem]:
        """What makes pods in a document, and what cannot be read."""
        for item in read_document(document, self.table):
            if isinstance(item, Workload | Problem):
                yield item
