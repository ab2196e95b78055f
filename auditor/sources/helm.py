"""A Helm chart as a source: rendered, with everything that keeps it from being audited said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.manifests import Document
from auditor.sources.chart import Chart, read_chart
from auditor.sources.options import HelmOptions
from auditor.sources.render_errors import explain
from auditor.sources.rendering import Rendered, Renderer, RenderError

_MAKES_PODS: Final = re.compile(
    r"""^[ \t{]*["']?kind["']?[ \t]*:[ \t]*["']?(Pod|PodTemplate|ReplicationController|ReplicaSet
    |Deployment|StatefulSet|DaemonSet|Job|CronJob)\b""",
    re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class ChartSource:
    """One chart, rendered with the values of the options.

    shown: the folder or archive as the user would write it.
    """

    path: Path
    shown: str
    options: HelmOptions
    renderer: Renderer

    @property
    def name(self) -> str:
        return self.shown

    def documents(self) -> Iterator[Document | Problem]:
        """A document for each rendered template, by name; then what is wrong with the chart."""
        try:
            chart = read_chart(self.path, self.shown)
            if not chart.is_library:
                yield from self._render(chart)
        except SourceError as error:
            yield error.problem

    def _render(self, chart: Chart) -> Iterator[Document | Problem]:
        try:
            rendered = self.renderer.render(chart.path, self.options)
        except RenderError as error:
            yield explain(error, chart)
            return
        for template, text in rendered.templates.items():
            if text.strip():
                yield self._document(chart, template, text)
        yield from _complaint(rendered, chart)

    def _document(self, chart: Chart, template: str, text: str) -> Document:
        return Document(
            path=chart.template_path(template),
            text=text,
            source=self.shown,
            chart=chart.shown,
            namespace=self.options.namespace or "default",
        )


def _complaint(rendered: Rendered, chart: Chart) -> Iterator[Problem]:
    """Charts say in their notes that a value is unset, and render nothing instead of failing."""
    if "ERROR" in rendered.notes and not any(
        _MAKES_PODS.search(text) for text in rendered.templates.values()
    ):
        yield SourceError(
            f"chart {chart.name} renders no workload, and its notes report an error",
            where=chart.shown,
            why=rendered.notes,
            hint="set the values it asks for with -f or --set",
        ).problem
