"""Missing chart dependencies: find them, and fetch them into a copy of the chart.

Helm renders a chart without its missing dependencies, and without an error. The user's chart is
never changed.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.errors import DependencyError, PodfitError, Problem, SourceError
from auditor.files.paths import find_home, real_path
from auditor.sources.chart import Chart, Declaration, is_chart_folder, read_chart
from auditor.sources.chart_safety import safe_copy
from auditor.sources.fetching.fetch import Fetcher, choose_fetcher
from auditor.sources.interface import HelmOptions, SourceOptions
from auditor.sources.rendering import NO_VALUES, Dependency, Renderer, RenderError, Values
from auditor.sources.values import visible_values

COMPLETE: Final = frozenset(("ok", "unpacked"))
_MISSING: Final = "missing"
_MAX_NESTING: Final = 8
_MAX_CHARTS: Final = 1000


class Lack(Struct, frozen=True):
    """The dependencies that a chart declares and does not have in charts/."""

    chart: Chart
    dependencies: tuple[Dependency, ...]

    def problem(self, refusal: str = "", *, fetchable: bool = False) -> Problem:
        """Return the problem to report.

        Args:
            refusal: Helm's error, if it cannot render without them.
            fetchable: Whether `--dependency-update` would fetch them.
        """
        what = f"chart {self.chart.name} is incomplete: dependencies are not in its charts/"
        listed = ", ".join(
            f"{item.name} {item.version} ({item.status})".replace("  ", " ")
            for item in self.dependencies
        )
        build = f"run `helm dependency build {self.chart.shown}`"
        hint = f"{build}, or add --dependency-update to this command" if fetchable else build
        return DependencyError(
            f"{what}, and it cannot be rendered without them" if refusal else what,
            where=self.chart.shown,
            why=f"{listed}; Helm reports: {refusal}" if refusal else listed,
            hint=hint if refusal else f"{hint}; the rest was audited",
        ).problem


def find_lacks(
    chart: Chart,
    options: HelmOptions,
    renderer: Renderer,
    known: dict[Path, tuple[Dependency, ...]] | None = None,
) -> tuple[Lack, ...]:
    """Return the missing dependencies of a safe chart and its subcharts, given the options' values.

    Subcharts in archives are complete, because `helm package` requires it. Raises RenderError and
    SourceError.

    Args:
        known: The declared dependencies by the path of their chart; new ones are added.
    """
    known = {} if known is None else known
    lacks = list(_Search(renderer, known).lacks(chart, None))
    if not lacks:
        return ()
    values = visible_values(chart.path, options, renderer)
    return tuple(_Search(renderer, known).lacks(chart, values))


def lacking(
    declared: Sequence[Declaration], found: Sequence[Dependency], values: Values | None
) -> Iterator[Dependency]:
    """Yield the dependencies that are missing or of another version, given the effective values.

    A missing dependency that is disabled is not reported; without values all count as enabled. One
    of another version is reported even when disabled: Helm does not match it with its declaration
    and renders it anyway.
    """
    for index, item in enumerate(found):
        if item.status in COMPLETE:
            continue
        declaration = declared[index] if index < len(declared) else Declaration(item.name)
        if item.status != _MISSING or values is None or is_enabled(declaration, values):
            yield item


def is_enabled(dependency: Declaration, values: Values) -> bool:
    """Whether Helm renders a dependency by its condition, else its tags, else by default.

    The first of a condition's comma-separated paths that has a boolean value decides (Helm
    `pkg/chart/v2/util/dependencies.go`).
    """
    for path in dependency.condition.strip().split(","):
        value = _at(values, path)
        if isinstance(value, bool):
            return value
    switches = _mapping_at(values, "tags")
    set_tags = [switches[tag] for tag in dependency.tags if isinstance(switches.get(tag), bool)]
    return any(set_tags) or not set_tags


class _Search(Struct):
    """Searches a chart and its subcharts, at most `left` charts."""

    renderer: Renderer
    known: dict[Path, tuple[Dependency, ...]]
    left: int = _MAX_CHARTS

    def lacks(self, chart: Chart, values: Values | None, nesting: int = 0) -> Iterator[Lack]:
        self.left -= 1
        if self.left < 0:
            raise SourceError(f"a chart contains more than {_MAX_CHARTS} charts", where=chart.shown)
        if chart.dependencies:
            if chart.path not in self.known:
                self.known[chart.path] = self.renderer.dependencies(chart.path)
            found = self.known[chart.path]
            if missing := tuple(lacking(chart.dependencies, found, values)):
                yield Lack(chart, missing)
        if nesting >= _MAX_NESTING:
            return
        for subchart in chart.subcharts():
            named = [item for item in chart.dependencies if item.name == subchart.name]
            for declaration in named or [Declaration(subchart.name)]:
                if values is None:
                    yield from self.lacks(subchart, None, nesting + 1)
                elif is_enabled(declaration, values):
                    below = _mapping_at(values, declaration.effective_name)
                    yield from self.lacks(subchart, below, nesting + 1)


def _at(values: Values, path: str) -> Any:
    *parents, last = path.split(".")
    for key in parents:
        values = _mapping_at(values, key)
    return values.get(last)


def _mapping_at(values: Values, key: str) -> Values:
    value = values.get(key)
    return value if isinstance(value, Mapping) else NO_VALUES


_LOCAL: Final = "file://"
_MAX_LOCAL: Final = 50
"""Levels of charts that depend on each other by `file://`."""


class Completion(Struct, weakref=True):
    """The complete copy of one chart, made on first use and deleted with this object."""

    fetcher: Fetcher
    renderer: Renderer
    _folder: Path | None = None
    _problem: Problem | None = None
    _path: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, chart: Chart, safe: Chart) -> tuple[Chart, tuple[Problem, ...]]:
        """Return the chart with its dependencies in charts/, or unchanged with a problem.

        A complete chart is not copied and needs no network access.

        Args:
            chart: The chart at its original path, for `file://` dependencies within the repository.
            safe: The same chart or its safe copy.
        """
        with self._lock:
            if self._folder is None and self._problem is None:
                self._complete(chart, safe)
        problems = (self._problem,) if self._problem else ()
        return (replace(chart, path=self._path) if self._path else safe), problems

    def _complete(self, chart: Chart, safe: Chart) -> None:
        import shutil
        import tempfile

        self._folder = Path(tempfile.mkdtemp(prefix="podfit-complete-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        try:
            if not self._lacks(safe):
                return
            layout = _Layout(_root_of(chart), self._folder)
            target = layout.copy(chart)
            for copied in layout.innermost_first:
                self.fetcher.complete(copied)
            self._path = target
        except (PodfitError, RenderError) as error:
            self._problem = _problem(chart, error)

    def _lacks(self, chart: Chart) -> bool:
        listed = self.renderer.dependencies(chart.path) if chart.dependencies else ()
        return any(item.status not in COMPLETE for item in listed)


def find_completion(options: SourceOptions, renderer: Renderer) -> Completion | None:
    """Return a `Completion` if `--dependency-update` is set and a Helm is available."""
    fetcher = choose_fetcher(options) if options.dependency_update else None
    return Completion(fetcher, renderer) if fetcher else None


class _Layout(Struct):
    """Copies of charts in a folder, at their paths relative to the repository's root."""

    root: Path
    folder: Path
    _copied: dict[Path, Path] = field(default_factory=dict)

    @property
    def innermost_first(self) -> Sequence[Path]:
        """The copies that have dependencies, each after the copies that it depends on."""
        return tuple(self._copied.values())

    def copy(self, chart: Chart, above: tuple[Path, ...] = ()) -> Path:
        """Copy a chart after its `file://` dependencies. Raises SourceError."""
        import shutil

        original = real_path(chart.path)
        if original in above or len(above) >= _MAX_LOCAL:
            raise SourceError(f"{chart.shown} depends on itself", where=chart.shown)
        target = self.folder / original.relative_to(self.root)
        for path in _local_dependencies(chart, original, self.root):
            if path not in self._copied:
                self.copy(read_chart(path, _shown_sibling(chart, path)), (*above, original))
        with safe_copy(chart) as safe:
            shutil.copytree(safe, target, dirs_exist_ok=True)
        if chart.dependencies:
            self._copied[original] = target
        return target


def _local_dependencies(chart: Chart, folder: Path, root: Path) -> Iterator[Path]:
    for item in chart.dependencies:
        if not item.repository.startswith(_LOCAL):
            continue
        written = PurePosixPath(item.repository.removeprefix(_LOCAL))
        path = real_path(Path(folder, written))
        if written.is_absolute() or not path.is_relative_to(root):
            raise DependencyError(
                f"dependency {item.name} is outside the repository and was not read",
                where=chart.shown,
                why=f"Chart.yaml names {item.repository}",
                hint="move it into the repository, or publish it",
            )
        if is_chart_folder(path):
            yield path


def _shown_sibling(chart: Chart, path: Path) -> str:
    home = real_path(chart.path)
    shared = path.relative_to(home.parent) if path.is_relative_to(home.parent) else path
    return Path(chart.shown).parent.joinpath(shared).as_posix()


def _root_of(chart: Chart) -> Path:
    """Return the folder that `file://` dependencies must be in."""
    home = find_home(chart.path)
    return home.root if home else real_path(chart.path).parent


def _problem(chart: Chart, error: PodfitError | RenderError) -> Problem:
    if isinstance(error, PodfitError):
        return error.problem
    return DependencyError(
        f"the dependencies of chart {chart.name} could not be fetched",
        where=chart.shown,
        why=error.text or error.cause.value,
        hint=f"`helm dependency build {chart.shown}` gives details; log in with "
        "`helm registry login` if the registry is private",
    ).problem
