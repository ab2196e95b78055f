"""Which Helm renders."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from auditor.errors import SourceError
from auditor.sources.options import HelmOptions
from auditor.sources.renderer_embedded import EmbeddedRenderer, is_installed
from auditor.sources.rendering import NO_VALUES, Dependency, Rendered, Renderer, Values


class NoRenderer:
    """Stands in where there is no Helm: files are still audited, each chart is a problem."""

    def render(self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES) -> Rendered:
        del options, overlay
        _refuse(chart)

    def merge_values(
        self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES
    ) -> Values:
        del options, overlay
        _refuse(chart)

    def dependencies(self, chart: Path) -> tuple[Dependency, ...]:
        _refuse(chart)


def choose_renderer(options: HelmOptions) -> Renderer:
    """The renderer that the options ask for; where it is absent, one that says so."""
    if options.renderer != "cli" and is_installed():
        return EmbeddedRenderer()
    return NoRenderer()


def _refuse(chart: Path) -> NoReturn:
    raise SourceError(
        f"{chart.as_posix()} is a Helm chart, and there is no Helm to render it",
        where=chart.as_posix(),
        hint="run `pip install 'podfit[helm]'`, or install the program helm, version 3.8 or later",
    )
