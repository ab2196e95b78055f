"""Log messages of `--verbose` on standard error."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from auditor.checks.rulebook import Rule
from auditor.checks.wording import count, listed, unique
from auditor.cli.console import tell
from auditor.config.files import shown_path
from auditor.config.model import Config
from auditor.images.images import KnownPlatforms
from auditor.scheduling.nodes import ClusterProfile, NodePool
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions, Source
from auditor.sources.open import OpenedSource
from auditor.sources.rendering import NO_VALUES, Dependency, Rendered, Renderer, Values

if TYPE_CHECKING:
    from auditor.audit.report import Report
    from auditor.errors import Problem
    from auditor.kubernetes.manifests import Document
    from auditor.registry.network.transport import Sent


_NAMED: Final = 3
"""Maximum number of chart values in a message."""


def tell_request(sent: Sent) -> None:
    """Log a registry request with its response."""
    how = f" ({sent.authentication})" if sent.authentication else ""
    tell(f"{sent.method} {sent.url} {sent.status}{how}")


def tell_inputs(
    config: Config,
    clusters: Iterable[ClusterProfile],
    rules: Iterable[Rule],
    applied: Iterable[Rule],
    locks: Iterable[Path],
) -> None:
    """Log the configuration of the audit."""
    for area in config.areas:
        file = shown_path(area.file.path) if area.file else "none"
        tell(f"configuration of {shown_path(area.root)}: {file}")
    for cluster in clusters:
        tell(f"cluster {cluster.name}: {', '.join(map(_pool, cluster.pools))}")
    names = [rule.id for rule in applied]
    others = ", ".join(rule.id for rule in rules if rule.id not in names)
    tell(f"rules: {len(names)} applied{f'; not applied: {others}' if others else ''}")
    for path in locks:
        tell(f"lock file: {shown_path(path)}")


def tell_outcome(report: Report) -> None:
    """Log the source of each answer about an image, and each suppressed finding."""
    for entry in report.images:
        answer = entry.platforms
        origin = f"from {answer.source}" if isinstance(answer, KnownPlatforms) else answer.message
        tell(f"image {entry.name}: {origin}")
    for item in report.suppressed:
        seen = item.finding.observation
        where = f" ({item.where})" if item.where else ""
        reason = f": {item.reason}" if item.reason else ""
        tell(f"suppressed {item.finding.rule} of {seen.workload} by {item.by}{where}{reason}")


def follow(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Wrap sources so that they log their charts."""
    return tuple(
        dataclasses.replace(source, watch=_followed) if isinstance(source, OpenedSource) else source
        for source in sources
    )


def timed(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Wrap sources so that each logs how long it took to read."""
    return tuple(map(_TimedSource, sources))


class _TimedSource(Struct, frozen=True):
    inner: Source

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def why_empty(self) -> str:
        return self.inner.why_empty

    def documents(self) -> Iterator[Document | Problem]:
        number, seconds = 0, 0.0
        documents = iter(self.inner.documents())
        while True:
            start = time.perf_counter()
            item = next(documents, None)
            seconds += time.perf_counter() - start
            if item is None:
                break
            number += 1
            yield item
        tell(f"read {self.name}: {count(number, 'document')} in {seconds:.2f} s")


class _FollowedRenderer(Struct, frozen=True):
    """A renderer that logs each rendering.

    Attributes:
        what: The chart and its variant.
    """

    inner: Renderer
    what: str

    def render(self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES) -> Rendered:
        start = time.perf_counter()
        rendered = self.inner.render(chart, options, overlay)
        seconds = time.perf_counter() - start
        keys = listed(unique(_keys(overlay)), limit=_NAMED)
        tried = f", trying {keys}" if overlay else ""
        number = count(len(rendered.templates), "template")
        tell(f"rendered {self.what}{tried}: {number} in {seconds:.2f} s with {_helm(self.inner)}")
        for warning in rendered.warnings:
            tell(f"helm: {warning}")
        return rendered

    def dependencies(self, chart: Path) -> tuple[Dependency, ...]:
        return self.inner.dependencies(chart)


def _keys(values: Values, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the keys of the innermost mappings, such as `web.nodeSelector`."""
    for key, value in values.items():
        if value and isinstance(value, Mapping):
            yield from _keys(value, (*path, key))
        else:
            yield ".".join(path or (key,))


def _followed(chart: ChartSource) -> ChartSource:
    what = f"{chart.shown} with {chart.variant}" if chart.variant else chart.shown
    return dataclasses.replace(chart, renderer=_FollowedRenderer(chart.renderer, what))


def _helm(renderer: Renderer) -> str:
    from auditor.sources.renderers import CliRenderer

    return "the helm program" if isinstance(renderer, CliRenderer) else "the Helm library"


def _pool(pool: NodePool) -> str:
    taints = "".join(f", {taint}" for taint in pool.taints)
    return f"{pool.name} ({pool.platform}{taints})"
