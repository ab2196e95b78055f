"""From a SOURCE on the command line to its parts: files, charts, kustomizations, a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.repositories import real_path
from auditor.sources.archives import is_archive
from auditor.sources.chart import enclosing_chart, is_chart_folder
from auditor.sources.fetching.completion import Completion, find_completion
from auditor.sources.fetching.remote import ChartElsewhere, find_elsewhere
from auditor.sources.files import ManifestFile, missing, shown_path, unreadable
from auditor.sources.helm import ChartSource
from auditor.sources.kustomize import FILE_NAMES, KustomizationSource, roots
from auditor.sources.options import HelmOptions, SourceOptions
from auditor.sources.rendering import Renderer
from auditor.sources.stream import StandardInput
from auditor.sources.tree import ChartFolder, KustomizationFolder, walk
from auditor.sources.variants import find_variants

STREAM: Final = "-"


@dataclass(frozen=True, slots=True)
class RemotePart:
    """A chart that lies elsewhere, until it is asked for. The others: as `ChartSource` has them."""

    elsewhere: ChartElsewhere
    options: HelmOptions
    renderer: Renderer
    completion: Completion | None = None

    def pulled(self) -> ChartSource | Problem:
        """The chart, from the cache or from where it lies."""
        try:
            archive = self.elsewhere.archive()
        except SourceError as error:
            return error.problem
        shown = self.elsewhere.chart.shown
        return ChartSource(archive, shown, self.options, self.renderer, completion=self.completion)


Part = ManifestFile | ChartSource | RemotePart | KustomizationSource | StandardInput | Problem


@dataclass(frozen=True, slots=True)
class PartFinder:
    """Finds what SOURCEs stand for. Folders are walked; nothing is read, rendered or pulled."""

    options: SourceOptions
    renderer: Renderer

    def parts(self, argument: str) -> Iterator[Part]:
        """The parts of a SOURCE in a stable order. Never raises: a `Problem` is a part, too."""
        if argument == STREAM:
            yield StandardInput(self.options.helm.namespace)
            return
        path = Path(argument)
        try:
            if elsewhere := self._elsewhere(argument):
                yield elsewhere
            elif not argument or not path.exists():
                yield missing(argument or "a SOURCE without a name").problem
            elif chart := _chart_named(path):
                yield from self._chart(chart)
            elif path.is_dir():
                yield from self._below(path)
            elif path.name in FILE_NAMES:
                yield self._kustomization(path.parent)
            else:
                yield self._file(path, source=shown_path(path), lenient=False)
        except OSError as error:  # a folder on the way that may not be entered, a name too long
            yield unreadable(argument, error).problem

    def why_nothing(self, argument: str) -> str:
        """A clause on why a SOURCE without parts has none; "" where there is nothing to say."""
        there = Path(argument)
        excluded = there.is_dir() and any(not isinstance(item, Problem) for item in walk(there))
        return "`exclude` in the configuration covers all of it" if excluded else ""

    def _elsewhere(self, argument: str) -> RemotePart | None:
        """What lies here comes first."""
        if Path(argument).exists():
            return None
        found = find_elsewhere(argument, self.options, named_by_user=True)
        if found is None:
            return None
        completion = find_completion(self.options, self.renderer)
        return RemotePart(found, self.options.helm, self.renderer, completion)

    def _below(self, folder: Path) -> Iterator[Part]:
        root = real_path(folder)
        everything = tuple(
            walk(folder, skips=lambda path: self.options.excludes(root / path.relative_to(folder)))
        )
        built = roots(item.path for item in everything if isinstance(item, KustomizationFolder))
        for found in everything:
            match found:
                case Problem():
                    yield found
                case ChartFolder(path):
                    yield from self._chart(path)
                case KustomizationFolder(path):
                    if path == folder or path in built:
                        yield self._kustomization(path)
                case _:
                    yield self._file(found, source=shown_path(folder), lenient=True)

    def _kustomization(self, folder: Path) -> KustomizationSource:
        return KustomizationSource(folder, shown_path(folder), self.options.helm.namespace)

    def _chart(self, path: Path) -> Iterator[ChartSource | Problem]:
        shown = shown_path(path)
        completion = find_completion(self.options, self.renderer)  # one for all variants
        for found in find_variants(path, shown, self.options):
            if isinstance(found, Problem):
                yield found
            else:
                yield ChartSource(path, shown, found.options, self.renderer, found.name, completion)

    def _file(self, path: Path, *, source: str, lenient: bool) -> ManifestFile:
        return ManifestFile(
            path, shown_path(path), source, namespace=self.options.helm.namespace, lenient=lenient
        )


def _chart_named(path: Path) -> Path | None:
    """The chart that a path names: itself, or the one it is a template or values file of."""
    if path.is_dir():
        return path if is_chart_folder(path) else enclosing_chart(path)
    return path if is_archive(path.name) else enclosing_chart(path)
