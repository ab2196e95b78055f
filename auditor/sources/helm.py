"""Helm charts as sources of documents, and the releases that controllers install from them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
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
from auditor.sources.chart_facts import ChartFacts
from auditor.sources.dependencies import Completion, Lack, find_lacks
from auditor.sources.fetching.fetch import OCI
from auditor.sources.files import read_text
from auditor.sources.interface import HelmOptions
from auditor.sources.nondeterminism import masked
from auditor.sources.rendering import Cause, Rendered, Renderer, RenderError, explain, makes_pods
from auditor.sources.values import DEFAULT, check_values_files, read_values_file

EMPTY: Final = Node({}, 1, 1)
"""The default for an absent mapping."""

Places = Mapping[tuple[str, str, str], Manifest]
"""Objects that charts and values may come from, by kind, namespace and name."""


class UnknownError(Exception):
    """Raised if the chart or the values of a release cannot be determined."""


@dataclass(frozen=True, slots=True)
class Release:
    """A chart that a controller installs.

    Attributes:
        name: The installing object, such as `Application/shop`.
        where: The location of that object.
        chart: The SOURCE of a remote chart; with `is_local`, a folder below the repository's root.
        values: Inline values in order of precedence, applied after `value_files`.
        value_files: Paths in the chart, or from the repository's root with a leading `/`.
        repositories: URLs of the git repositories that the folder and files come from.
        may_be_plain: Whether the folder may contain manifests or a kustomization instead.
        values_path: Path of the values in `holder`, present or not.
        holder: The object that contains the values.
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
    """Return the SOURCE of a chart in a repository."""
    if chart.startswith(OCI) or repository.startswith(OCI):
        address = chart if chart.startswith(OCI) else f"{repository.rstrip('/')}/{chart}"
        return f"{address}:{version}" if version and version != "*" else address
    return f"{repository.rstrip('/')}/{chart}@{version}"


def values_text(text: str) -> tuple[Mapping[str, Any], ...]:
    """Parse values in YAML; () if the text is blank. Raises UnknownError."""
    root = next(iter(read_documents(text)), None) if text.strip() else None
    if isinstance(root, YamlError) or (root is not None and not root.is_mapping):
        raise UnknownError("its values are not YAML that Helm can read")
    return (root.plain(),) if root is not None else ()


_INSTEAD: Final = f"a variant `{DEFAULT}` in .podfit.yaml replaces the defaults"


@dataclass(frozen=True, slots=True)
class ChartSource:
    """One chart, rendered with the values of the options.

    Attributes:
        shown: The folder or archive as the user would write it.
        variant: The name of the options' values; "" if the chart is rendered only once.
        completion: Fetches missing dependencies; None without `--dependency-update`.
        release: The release that sets the values, if one does.
        facts: What the variants of the chart share.
    """

    path: Path
    shown: str
    options: HelmOptions
    renderer: Renderer
    variant: str = ""
    completion: Completion | None = field(default=None, compare=False)
    release: Release | None = field(default=None, compare=False)
    facts: ChartFacts = field(default_factory=ChartFacts, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.shown

    @property
    def why_empty(self) -> str:
        """See `Source`."""
        with suppress(SourceError):
            if read_chart(self.path, self.shown).is_library:
                return "it is a library chart (`type: library`), which other charts include"
        return ""

    def documents(self) -> Iterator[Document | Problem]:
        """Yield the chart's problems, and a document for each rendered template, by name.

        A library chart yields nothing.
        """
        try:
            chart = read_chart(self.path, self.shown)
            if chart.is_library:
                return
            yield from check_values_files(self.options)
            safe, problems = self.opened(chart)
            yield from problems
            yield from self._render(chart, safe)
        except SourceError as error:
            yield error.problem

    def opened(self, chart: Chart) -> tuple[Chart, tuple[Problem, ...]]:
        """Return a safe chart, completed if the options ask for it. Raises SourceError."""
        safe, problems = self.facts.safe(chart)
        if self.completion is None:
            return safe, problems
        complete, failures = self.completion.of(chart, safe)
        opened, more = self.facts.safe(complete)
        return opened, tuple(dict.fromkeys((*problems, *failures, *more)))

    def _render(self, chart: Chart, safe: Chart) -> Iterator[Document | Problem]:
        lacks: tuple[Lack, ...] = ()
        try:
            lacks = find_lacks(safe, self.options, self.renderer, self.facts.dependencies)
            rendered = self.rendered(safe.path)
        except RenderError as error:
            text = error.text.replace(f"{safe.path.absolute()}/", "")  # random if it is a copy
            if lacks and error.cause is Cause.REFUSED:
                yield from self._incomplete(lacks, safe, text)
            else:
                yield self._with_variant(explain(RenderError(error.cause, text), chart))
            return
        yield from self._incomplete(lacks, safe)
        for template, text in rendered.templates.items():
            yield self._document(chart, template, text)
        yield from map(self._with_variant, _errors_in_notes(rendered, chart))

    def _incomplete(
        self, lacks: Sequence[Lack], chart: Chart, refusal: str = ""
    ) -> Iterator[Problem]:
        for lack in lacks:  # dependencies of subcharts are not fetched
            fetchable = self.completion is None and lack.chart == chart
            yield lack.problem(refusal, fetchable=fetchable)

    def rendered(self, path: Path) -> Rendered:
        """Render a safe chart, and mask what differs each time. Raises RenderError.

        The search for remedies needs the result of a variant again, so it is kept.
        """
        if not self.variant:
            return self._masked(path)
        return self.facts.once(("rendered", path, self.options), lambda: self._masked(path))

    def _masked(self, path: Path) -> Rendered:
        first = self.renderer.render(path, self.options)
        finished = time.monotonic()
        again = partial(self._render_again, path)
        return masked(first, again, self.facts.random_templates(path), finished)

    def _render_again(self, path: Path) -> Rendered:
        """Render what differs each time, or the whole chart if that fails."""
        options = self.options
        texts = [text for name in options.values_files for text in read_values_file(name)]
        texts += (*options.set_values, *options.set_strings)
        constant = self.facts.graph(path).constant(texts)
        with suppress(RenderError, SourceError):
            if constant:
                return self.renderer.render(self.facts.without(path, constant), options)
        return self.renderer.render(path, options)

    def _document(self, chart: Chart, template: str, text: str) -> Document:
        path, original = self.facts.once(("place", template), lambda: _place(chart, template))
        lines = LineMap(original, text) if isinstance(original, str) else original
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

    def _with_variant(self, problem: Problem) -> Problem:
        """Return the problem with the name of the variant."""
        if not self.variant:
            return problem
        hint = f"{problem.hint}; {_INSTEAD}" if self.variant == DEFAULT else problem.hint
        return replace(problem, what=f"{problem.what}, with {self.variant}", hint=hint)


def _place(chart: Chart, template: str) -> tuple[str, str | OneLine | None]:
    """Return the file to point to for a template, and its text or line.

    For a subchart in an archive this is its declaration in Chart.yaml. A chart that is an archive
    itself has no lines.
    """
    path = chart.template_path(template)
    try:
        return path, read_text(Path(path), path)
    except SourceError:
        declared = chart.declaration_of(template)
        description = Path(chart.shown) / CHART_FILE
        if declared is None or not description.is_file():
            return path, None
        return description.as_posix(), OneLine(declared.line)


def _errors_in_notes(rendered: Rendered, chart: Chart) -> Iterator[Problem]:
    """Report an error in NOTES.txt: some charts render nothing if a value is unset."""
    if "ERROR" in rendered.notes and not any(map(makes_pods, rendered.templates.values())):
        yield SourceError(
            f"chart {chart.name} creates no pods, and its notes report an error",
            where=chart.shown,
            why=rendered.notes[rendered.notes.index("ERROR") :],
            hint="set the values it requires with -f or --set",
        ).problem
