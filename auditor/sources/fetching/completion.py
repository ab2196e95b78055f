"""A chart completed with the dependencies that it declares: in a copy, never in the user's tree."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from auditor.errors import PodfitError, Problem, SourceError
from auditor.repositories import find_home, real_path
from auditor.sources.chart import Chart, is_chart_folder, read_chart
from auditor.sources.contents.safety import safe_copy
from auditor.sources.dependencies import COMPLETE
from auditor.sources.fetching.fetchers import Fetcher, choose_fetcher
from auditor.sources.options import SourceOptions
from auditor.sources.rendering import Renderer, RenderError

_LOCAL: Final = "file://"
_MAX_LOCAL: Final = 50
"""Charts that depend on each other by `file://`."""


@dataclass(slots=True, weakref_slot=True)
class Completion:
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


@dataclass(slots=True)
class _Layout:
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
