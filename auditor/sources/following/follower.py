"""From an object that installs a chart to the chart, with the values that it is given."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor.errors import Problem, SourceError
from auditor.repositories import find_home, real_path
from auditor.sources.archives import ArchiveError, open_members
from auditor.sources.chart import is_chart_folder
from auditor.sources.fetching.completion import Completion, find_completion
from auditor.sources.fetching.remote import find_elsewhere
from auditor.sources.following.git import is_among, remotes_of, repository_name
from auditor.sources.following.releases import Releases, not_followed
from auditor.sources.helm import ChartSource
from auditor.sources.options import SourceOptions
from auditor.sources.release import Release
from auditor.sources.rendering import Renderer


@dataclass(slots=True, weakref_slot=True)
class Follower:
    """Finds the charts of the releases of one SOURCE.

    source: its path. named: those of all SOURCEs. The values that a release gives are written into
    a folder of its own.
    """

    source: Path
    options: SourceOptions
    renderer: Renderer
    named: tuple[Path, ...] = ()
    _folder: Path | None = None
    _written: int = 0
    _completions: dict[Path, Completion | None] = field(default_factory=dict)

    def follow(self, releases: Releases) -> Iterator[ChartSource | Problem]:
        """A chart for each release that is new; a problem where it cannot be found."""
        for release in releases.read():
            if isinstance(release, Problem):
                yield release
                continue
            try:
                self._require_here(release)
                if not (release.is_local and release.may_be_plain and self._is_plain(release)):
                    yield self._chart(release)
            except SourceError as error:
                told = error.problem
                why = ": ".join(filter(None, (told.what, told.why)))
                yield not_followed(release.name, release.where, why, told.hint)
            except (ArchiveError, OSError) as error:
                yield not_followed(release.name, release.where, str(error))

    def _chart(self, release: Release) -> ChartSource:
        path, shown = self._local(release) if release.is_local else self._remote(release)
        files = [self._values_file(path, name) for name in release.value_files]
        files += [self._write(json.dumps(values).encode()) for values in release.values]
        own = self.options.helm
        options = replace(
            own,
            values_files=(*files, *own.values_files),
            set_values=(*release.set_values, *own.set_values),
            set_strings=(*release.set_strings, *own.set_strings),
            release_name=release.release_name or own.release_name,
            namespace=release.namespace or own.namespace,
        )
        if path not in self._completions:
            self._completions[path] = find_completion(self.options, self.renderer)
        completion = self._completions[path]
        return ChartSource(path, shown, options, self.renderer, release.name, completion, release)

    def _require_here(self, release: Release) -> None:
        """What is said to lie in a git repository must be that of the SOURCE, where git tells."""
        remotes = remotes_of(self._root)
        for name in filter(None, map(repository_name, release.repositories)):
            if remotes and not is_among(name, remotes):
                here = ", ".join(sorted(remotes))
                raise SourceError(f"it is made from {name}, and this is a clone of {here}")

    @property
    def _root(self) -> Path:
        home = find_home(self.source)
        inside = real_path(self.source)
        return home.root if home else inside if inside.is_dir() else inside.parent

    def _is_plain(self, release: Release) -> bool:
        """Whether a release is made of manifests, which are audited where they are."""
        path = self._folder_of(release)
        if not path.is_dir() or is_chart_folder(path):
            return False
        if not any(path.is_relative_to(real_path(named)) for named in self.named):
            raise SourceError(
                f"{release.chart} holds manifests, and is not among what is audited",
                hint="name it as a SOURCE, too",
            )
        return True

    def _folder_of(self, release: Release) -> Path:
        """Nothing outside of the repository is read."""
        path = real_path(self._root / release.chart.lstrip("/"))
        if not path.is_relative_to(real_path(self._root)):
            raise _no_chart(release)
        return path

    def _local(self, release: Release) -> tuple[Path, str]:
        path = self._folder_of(release)
        if not is_chart_folder(path):
            raise _no_chart(release)
        try:
            return path, path.relative_to(Path.cwd()).as_posix()
        except ValueError:
            return path, path.as_posix()

    def _remote(self, release: Release) -> tuple[Path, str]:
        found = find_elsewhere(release.chart, self.options, named_by_user=False)
        if found is None:
            raise SourceError(f"{release.chart} names no chart that podfit knows how to get")
        return found.archive(), found.chart.shown

    def _values_file(self, chart: Path, name: str) -> str:
        """A values file of the repository, or of the chart itself."""
        base = self._root if name.startswith("/") or chart.is_file() else chart
        path = real_path(base / name.lstrip("/"))
        if chart.is_file() and not name.startswith("/"):
            for _, content in open_members(chart, name.__eq__):
                return self._write(content)
            raise SourceError(f"the chart has no values file {name}")
        if not path.is_relative_to(real_path(self._root)) or not path.is_file():
            raise SourceError(f"there is no values file {name} in this repository")
        return path.as_posix()

    def _write(self, content: bytes) -> str:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="podfit-releases-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._written += 1
        path = self._folder / f"values-{self._written}.yaml"
        path.write_bytes(content)
        return path.as_posix()


def _no_chart(release: Release) -> SourceError:
    return SourceError(f"there is no chart {release.chart} in this repository")
