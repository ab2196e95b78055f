"""Dependencies that a chart declares and does not hold: it renders silently incomplete.

A chart completed with the dependencies that it declares: in a copy, never in the user's tree.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.errors import PodfitError, Problem, SourceError
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
    """What one chart lacks of the dependencies that it declares."""

    chart: Chart
    dependencies: tuple[Dependency, ...]

    def problem(self, refusal: str = "", *, fetchable: bool = False) -> Problem:
        """The same for the user. refusal: what Helm said when it could not do without them.

        fetchable: podfit would fetch them, but was not told to.
        """
        what = f"chart {self.chart.name} is incomplete: dependencies are not in its charts/"
        listed = ", ".join(
            f"{item.name} {item.version} ({item.status})".replace("  ", " ")
            for item in self.dependencies
        )
        build = f"run `helm dependency build {self.chart.shown}`"
        hint = f"{build}, or add --dependency-update to this command" if fetchable else build
        return SourceError(
            f"{what}, and without them it cannot be rendered" if refusal else what,
            where=self.chart.shown,
            why=f"{listed}; Helm says: {refusal}" if refusal else listed,
            hint=hint if refusal else f"{hint}; the rest was audited",
        ).problem


def find_lacks(chart: Chart, options: HelmOptions, renderer: Renderer) -> tuple[Lack, ...]:
    """What a chart and the subcharts within it lack, given the options' values.

    chart: safe. Subcharts in archives are complete by the way they are made. Raises RenderError and
    SourceError.
    """
    lacks = list(_Search(renderer).lacks(chart, None))
    if not lacks:
        return ()
    values = visible_values(chart.path, options, renderer)
    return tuple(_Search(renderer).lacks(chart, values))


def lacking(
    declared: Sequence[Declaration], found: Sequence[Dependency], values: Values | None
) -> Iterator[Dependency]:
    """What is not there as declared, given the values that the chart's templates see.

    A missing dependency that is disabled is not lacking; without values none counts as disabled.
    One of another version is lacking even when disabled: Helm does not recognise it as the one that
    is declared, and renders it all the same.
    """
    for index, item in enumerate(found):
        if item.status in COMPLETE:
            continue
        declaration = declared[index] if index < len(declared) else Declaration(item.name)
        if item.status != _MISSING or values is None or is_enabled(declaration, values):
            yield item


def is_enabled(dependency: Declaration, values: Values) -> bool:
    """Whether Helm renders a dependency: its condition, else its tags, else yes.

    Of a condition's comma-separated paths the first that leads to a boolean decides
    (Helm `pkg/chart/v2/util/dependencies.go`).
    """
    for path in dependency.condition.strip().split(","):
        value = _at(values, path)
        if isinstance(value, bool):
            return value
    switches = _mapping_at(values, "tags")
    set_tags = [switches[tag] for tag in dependency.tags if isinstance(switches.get(tag), bool)]
    return any(set_tags) or not set_tags


class _Search(Struct):
    """Looks through a chart and its subcharts. left: charts that it will look at."""

    renderer: Renderer
    left: int = _MAX_CHARTS

    def lacks(self, chart: Chart, values: Values | None, nesting: int = 0) -> Iterator[Lack]:
        self.left -= 1
        if self.left < 0:
            raise SourceError(f"a chart holds more than {_MAX_CHARTS} charts", where=chart.shown)
        if chart.dependencies:
            found = self.renderer.dependencies(chart.path)
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
                    below = _mapping_at(values, declaration.called)
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
"""Charts that depend on each other by `file://`."""


class Completion(Struct, weakref=True):
    """The complete copy of one chart: made when it is first asked for, gone with this object."""

    fetcher: Fetcher
    renderer: Renderer
    _folder: Path | None = None
    _problem: Problem | None = None
    _path: Path | None = None

    def of(self, chart: Chart, safe: Chart) -> tuple[Chart, tuple[Problem, ...]]:
        """The chart with its dependencies in charts/; as it is, with a problem, where that fails.

        A chart that lacks nothing is not copied, and nobody is asked. chart: where it really lies,
        for dependencies beside it; nothing outside of its repository is read for them. safe: the
        same, or its safe copy.
        """
        if self._folder is None and self._problem is None:
            self._complete(chart, safe)
        problems = (self._problem,) if self._problem else ()
        return (replace(chart, path=self._path) if self._path else safe), problems

    def _complete(self, chart: Chart, safe: Chart) -> None:
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
    """What completes a chart, where the user wants that and there is a Helm."""
    fetcher = choose_fetcher(options) if options.dependency_update else None
    return Completion(fetcher, renderer) if fetcher else None


class _Layout(Struct):
    """Charts copied to where they lie to each other as in their repository."""

    root: Path
    folder: Path
    _copied: dict[Path, Path] = field(default_factory=dict)

    @property
    def innermost_first(self) -> Sequence[Path]:
        """The copies that have dependencies, those that others depend on before these."""
        return tuple(self._copied.values())

    def copy(self, chart: Chart) -> Path:
        """Copies a chart after those beside it that it depends on. Raises SourceError."""
        return self._copy(chart, ())

    def _copy(self, chart: Chart, above: tuple[Path, ...]) -> Path:
        there = real_path(chart.path)
        if there in above or len(above) >= _MAX_LOCAL:
            raise SourceError(f"{chart.shown} depends on itself", where=chart.shown)
        target = self.folder / there.relative_to(self.root)
        for path in _local_dependencies(chart, there, self.root):
            if path not in self._copied:
                self._copy(read_chart(path, _beside(chart, path)), (*above, there))
        with safe_copy(chart) as safe:
            shutil.copytree(safe, target, dirs_exist_ok=True)
        if chart.dependencies:
            self._copied[there] = target
        return target


def _local_dependencies(chart: Chart, there: Path, root: Path) -> Iterator[Path]:
    for item in chart.dependencies:
        if not item.repository.startswith(_LOCAL):
            continue
        written = PurePosixPath(item.repository.removeprefix(_LOCAL))
        path = real_path(Path(there, written))
        if written.is_absolute() or not path.is_relative_to(root):
            raise SourceError(
                f"dependency {item.name} lies outside of the repository, and was not read",
                where=chart.shown,
                why=f"Chart.yaml names {item.repository}",
                hint="put it into the repository, or publish it",
            )
        if is_chart_folder(path):
            yield path


def _beside(chart: Chart, path: Path) -> str:
    home = real_path(chart.path)
    shared = path.relative_to(home.parent) if path.is_relative_to(home.parent) else path
    return Path(chart.shown).parent.joinpath(shared).as_posix()


def _root_of(chart: Chart) -> Path:
    """How far a dependency by `file://` may be away."""
    home = find_home(chart.path)
    return home.root if home else real_path(chart.path).parent


def _problem(chart: Chart, error: PodfitError | RenderError) -> Problem:
    if isinstance(error, PodfitError):
        return error.problem
    return SourceError(
        f"the dependencies of chart {chart.name} could not be fetched",
        where=chart.shown,
        why=error.text or error.cause.value,
        hint=f"`helm dependency build {chart.shown}` says more; log in with `helm registry login` "
        "where it is private",
    ).problem
