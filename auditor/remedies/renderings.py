"""A chart rendered with other values, and the workloads in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.errors import Problem
from auditor.manifests import Document
from auditor.remedies.budget import Budget
from auditor.remedies.judging import Judging
from auditor.remedies.keys import Key, overlay
from auditor.sources.options import HelmOptions
from auditor.sources.rendering import Renderer, Values
from auditor.workloads import Workload

WorkloadId = tuple[str, str, int, str]
"""Names a workload in every rendering: template, kind, place among its kind there, component."""


def workload_id(workload: Workload) -> WorkloadId:
    """Names are left out: 34 of 506 charts make up new ones each time."""
    return workload.document.template, workload.ref.kind, workload.nth, workload.component


@dataclass(frozen=True, slots=True)
class ChartView:
    """A chart as it is rendered for an audit, and what its templates see as `.Values`."""

    name: str
    path: Path
    options: HelmOptions
    renderer: Renderer
    values: Values
    judging: Judging

    def render(self, changes: Mapping[Key, object], budget: Budget) -> Mapping[str, str]:
        """Texts by template, with some keys changed. Raises RenderError and SpentError."""
        budget.take()
        timeout = min(self.options.timeout, budget.seconds_left)
        rendered = self.renderer.render(
            self.path, replace(self.options, timeout=timeout), overlay(self.values, changes)
        )
        return rendered.templates

    def workloads(self, texts: Mapping[str, str]) -> Iterator[Workload | Problem]:
        """What makes pods in rendered texts, by the way of the audit; and what cannot be read."""
        namespace = self.options.namespace or "default"
        for template, text in texts.items():
            document = Document(
                template, text, "", chart=template, namespace=namespace, template=template
            )
            yield from self.judging.read(document)
