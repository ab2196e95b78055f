"""A Helm chart as a source: rendered, with everything said that keeps it from being audited.

`Release`: a chart that a controller is told to install, whichever controller that is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from auditor.errors import Problem, SourceError
from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import YamlError, read_documents
from auditor.kubernetes.manifests import Document, Manifest
from auditor.kubernetes.source_lines import LineMap, OneLine
from auditor.sources.chart import CHART_FILE, Chart, read_chart
from auditor.sources.chart_safety import made_safe
from auditor.sources.dependencies import Completion, Lack, find_lacks
from auditor.sources.fetching.fetch import OCI
from auditor.sources.files import read_text
from auditor.sources.interface import HelmOptions
from auditor.sources.nondeterminism import find_chances, masked
from auditor.sources.rendering import Cause, Rendered, Renderer, RenderError, explain, makes_pods
from auditor.sources.values import DEFAULT, check_values_files

EMPTY: Final = Node({}, 1, 1)
"""Stands for a mapping that is not there."""

Places = Mapping[tuple[str, str, str], Manifest]
"""Where charts and values may come from: the objects that say so, by kind, namespace and name."""


class UnknownError(Exception):
    """Why it cannot be told which chart is meant, or which values it is given."""


@dataclass(frozen=True, slots=True)
class Release:
    """A chart that a controller is told to install.

    name: of the object that says so, `Application/shop`. where: its place. chart: a SOURCE of a
    chart elsewhere; or, where it is_local, a folder from the root of a repository. values: in the
    order in which they count, after value_files: those of the chart, or from the root after `/`.
    repositories: addresses of the git repositories that its folder and files are taken from.
    may_be_plain: its folder may as well hold manifests, or a kustomization. holder: the object;
    values_path: where in it the values stand, or would.
    """

    name: str
    where: str
    chart: str
    is_local: bool = False
    values: tuple[Mapping[str, Any], ...] = ()
    value_files: tuple[str, ...] = ()
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()
    release_name: str = ""
    namespace: str = ""
    repositories: tuple[str, ...] = ()
    may_be_plain: bool = False
    values_path: tuple[str | int, ...] = field(default=(), compare=False)
    holder: Manifest | None = field(default=None, compare=False, repr=False)


def chart_address(repository: str, chart: str, version: str) -> str:
    """A chart of a repository as a SOURCE."""
    if chart.startswith(OCI) or repository.startswith(OCI):
        address = chart if chart.startswith(OCI) else f"{repository.rstrip('/')}/{chart}"
        return f"{address}:{version}" if version and version != "*" else address
    return f"{repository.rstrip('/')}/{chart}@{version}"


def values_text(text: str) -> tuple[Mapping[str, Any], ...]:
    """Values written as a text; () where there are none. Raises UnknownError."""
    root = _parsed(text)
    return (root.plain(),) if root is not None else ()


def _parsed(text: str) -> Node | None:
    root = next(iter(read_documents(text)), None) if text.strip() else None
    if isinstance(root, YamlError) or (root is not None and not root.is_mapping):
        raise UnknownError("its values are not YAML that Helm can read")
    return root


_INSTEAD: Final = f"a variant `{DEFAULT}` in .podfit.yaml stands instead of the defaults"


@dataclass(frozen=True, slots=True)
class ChartSource:
    """One chart, rendered with the values of the options.

    shown: the folder or archive as the user would write it. variant: what the options' values are
    called; "" where the chart is rendered in this way only. completion: how to get what it lacks,
    where the user wants that. release: what gives the values; None where the user does.
    """

    path: Path
    shown: str
    options: HelmOptions
    renderer: Renderer
    variant: str = ""
    completion: Completion | None = field(default=None, compare=False)
    release: Release | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return self.shown

    @property
    def why_empty(self) -> str:
        """See `Source`."""
        with suppress(SourceError):
            if read_chart(self.path, self.shown).is_library:
                return "it is a library chart (`type: library`): charts that use it render, not it"
        return ""

    def documents(self) -> Iterator[Document | Problem]:
        """What is wrong with the chart, and a document for each rendered template, by its name.

        A library chart has none: it renders nothing, rightly.
        """
        try:
            chart = read_chart(self.path, self.shown)
            if chart.is_library:
                return
            yield from check_values_files(self.options)
            with self.opened(chart) as (safe, problems):
                yield from problems
                yield from self._render(chart, safe)
        except SourceError as error:
            yield error.problem

    @contextmanager
    def opened(self, chart: Chart) -> Iterator[tuple[Chart, tuple[Problem, ...]]]:
        """The chart as Helm may render it: nothing leads out of it, and it is as complete as the
        options want it. Raises SourceError.
        """
        with made_safe(chart) as (safe, problems):
            if self.completion is None:
                yield safe, problems
                return
            complete, failures = self.completion.of(chart, safe)
            with made_safe(complete) as (opened, more):
                yield opened, tuple(dict.fromkeys((*problems, *failures, *more)))

    def _render(self, chart: Chart, safe: Chart) -> Iterator[Document | Problem]:
        lacks: tuple[Lack, ...] = ()
        try:
            lacks = find_lacks(safe, self.options, self.renderer)
            rendered = self._rendered(safe.path)
        except RenderError as error:
            said = error.text.replace(f"{safe.path.absolute()}/", "")  # a copy's is random
            if lacks and error.cause is Cause.REFUSED:
                yield from self._incomplete(lacks, safe, said)
            else:
                yield self._told(explain(RenderError(error.cause, said), chart))
            return
        yield from self._incomplete(lacks, safe)
        for template, text in rendered.templates.items():
            yield self._document(chart, template, text)
        yield from map(self._told, _complaints(rendered, chart))

    def _incomplete(
        self, lacks: Sequence[Lack], chart: Chart, refusal: str = ""
    ) -> Iterator[Problem]:
        for lack in lacks:  # what subcharts lack is not fetched
            fetchable = self.completion is None and lack.chart == chart
            yield lack.problem(refusal, fetchable=fetchable)

    def _rendered(self, path: Path) -> Rendered:
        first = self.renderer.render(path, self.options)
        finished = time.monotonic()
        again = partial(self.renderer.render, path, self.options)
        return masked(first, again, find_chances(path), finished)

    def _document(self, chart: Chart, template: str, text: str) -> Document:
        path, lines = _place(chart, template, text)
        return Document(
            path=path,
            text=text,
            source=self.shown,
            chart=chart.shown,
            namespace=self.options.namespace or "default",
            template=template,
            lines=lines,
            variant=self.variant,
        )

    def _told(self, problem: Problem) -> Problem:
        """What is wrong with one variant names it."""
        if not self.variant:
            return problem
        hint = f"{problem.hint}; {_INSTEAD}" if self.variant == DEFAULT else problem.hint
        return replace(problem, what=f"{problem.what}, with {self.variant}", hint=hint)


def _place(chart: Chart, template: str, text: str) -> tuple[str, LineMap | OneLine | None]:
    """The file to point at, and its lines.

    A subchart that lies in charts/ as an archive has no file of its own: Chart.yaml declares it. A
    chart that is an archive itself has none at all.
    """
    path = chart.template_path(template)
    try:
        return path, LineMap(read_text(Path(path), path), text)
    except SourceError:
        declared = chart.declaration_of(template)
        description = Path(chart.shown) / CHART_FILE
        if declared is None or not description.is_file():
            return path, None
        return description.as_posix(), OneLine(declared.line)


def _complaints(rendered: Rendered, chart: Chart) -> Iterator[Problem]:
    """Some charts render nothing when a value is unset, and say so in their notes alone."""
    if "ERROR" in rendered.notes and not any(map(makes_pods, rendered.templates.values())):
        yield SourceError(
            f"chart {chart.name} makes no pods, and its notes report an error",
            where=chart.shown,
            why=rendered.notes[rendered.notes.index("ERROR") :],
            hint="set the values it asks for with -f or --set",
        ).problem
