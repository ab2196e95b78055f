"""From a SOURCE on the command line to the source that reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.manifests import Document
from auditor.sources.archives import is_archive
from auditor.sources.chart import enclosing_chart, is_chart_folder
from auditor.sources.completion import Completion
from auditor.sources.fetching import choose_fetcher
from auditor.sources.files import ManifestFile, missing, unreadable
from auditor.sources.following import Follower
from auditor.sources.helm import ChartSource
from auditor.sources.helm_settings import helm_repositories
from auditor.sources.identity import Identifier
from auditor.sources.interface import Source
from auditor.sources.kustomize import FILE_NAMES, KustomizationSource, roots
from auditor.sources.options import SourceOptions
from auditor.sources.releases import Releases
from auditor.sources.remote import ChartCache, RemoteChart, parse_remote
from auditor.sources.renderers import choose_renderer
from auditor.sources.rendering import Renderer
from auditor.sources.stream import StandardInput
from auditor.sources.tree import ChartFolder, KustomizationFolder, walk
from auditor.sources.variants import find_variants

STREAM: Final = "-"
_MAX_FOLLOWED: Final = 3
"""Charts that install charts that install charts."""

Part = ManifestFile | ChartSource | KustomizationSource | StandardInput | Problem


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """What one SOURCE stands for: a file, a chart, a stream, or a folder's files and charts.

    follower: goes on to the charts that are installed by objects in it; None where nobody wants it.
    """

    name: str
    parts: tuple[Part, ...]
    follower: Follower | None = field(default=None, compare=False)
    _releases: Releases = field(default_factory=Releases, compare=False)
    _followed: list[Part] = field(default_factory=list, compare=False)

    @property
    def charts(self) -> tuple[ChartSource, ...]:
        """Its charts; once the documents were read, those among them that were followed."""
        parts = (*self.parts, *self._followed)
        return tuple(part for part in parts if isinstance(part, ChartSource))

    @property
    def notices(self) -> tuple[str, ...]:
        """What to tell the user once the documents were read."""
        return self._releases.notices

    def documents(self) -> Iterator[Document | Problem]:
        """The documents of the parts in order; a problem that several share comes once.

        Variants of a chart may lack other dependencies: the same command completes them all.
        """
        identified = Identifier()
        told: set[tuple[str, str, str]] = set()
        self._releases.clear()
        self._followed.clear()
        for part in self._all_parts():
            for item in (part,) if isinstance(part, Problem) else part.documents():
                if isinstance(item, Document):
                    self._releases.look(item)
                    yield identified(item)
                elif (key := (item.what, item.where, item.hint)) not in told:
                    told.add(key)
                    yield item

    def _all_parts(self) -> Iterator[Part]:
        """Those of the SOURCE; when they were read, the charts that they install, and so on."""
        yield from self.parts
        for _ in range(_MAX_FOLLOWED if self.follower else 0):
            if self.follower and self._releases.unread:
                found = tuple(self.follower.follow(self._releases))
                self._followed.extend(found)
                yield from found


def open_source(argument: str, options: SourceOptions | None = None) -> Source:
    """The source that a SOURCE names; see `open_sources`."""
    return open_sources((argument,), options)[0]


def open_sources(
    arguments: Sequence[str], options: SourceOptions | None = None
) -> tuple[Source, ...]:
    """The sources that the SOURCEs of a command name: files, folders, charts, `-`.

    A file or chart that several of them name or hold is read once, and a SOURCE that holds nothing
    else is left out. Never raises: a SOURCE that cannot be read has a `Problem` among its
    documents. Folders are walked here, files read and charts rendered when documents are asked for.
    """
    options = options or SourceOptions()
    opener = _Opener(options, choose_renderer(options.helm))
    named = [(argument, tuple(opener.parts(argument))) for argument in arguments]
    taken = {_key(part) for _, parts in named for part in parts if not _is_found(part)}
    seen: set[object] = set()
    sources: list[Source] = []
    for name, parts in named:
        kept: list[Part] = []
        for part in parts:
            key = _key(part)
            if key in seen or (_is_found(part) and key in taken):
                continue
            seen.add(key)
            kept.append(part)
        if kept or not parts:
            sources.append(OpenedSource(name, tuple(kept), opener.follower(name)))
    return tuple(sources)


def _is_found(part: Part) -> bool:
    return isinstance(part, ManifestFile) and part.lenient


def _key(part: Part) -> object:
    """What makes two parts the same, however they were named."""
    match part:
        case Problem():
            return part
        case StandardInput():
            return STREAM
        case ChartSource():
            return part.path.resolve(), part.variant
        case _:
            return part.path.resolve()


@dataclass(frozen=True, slots=True)
class _Opener:
    options: SourceOptions
    renderer: Renderer

    def parts(self, argument: str) -> Iterator[Part]:
        if argument == STREAM:
            yield StandardInput(self.options.helm.namespace)
            return
        path = Path(argument)
        try:
            if remote := self._remote(argument):
                yield self._pulled(remote)
            elif not argument or not path.exists():
                yield missing(argument or "a SOURCE without a name").problem
            elif chart := _chart_named(path):
                yield from self._chart(chart)
            elif path.is_dir():
                yield from self._below(path)
            elif path.name in FILE_NAMES:
                yield self._kustomization(path.parent)
            else:
                yield self._file(path, source=_shown(path), lenient=False)
        except OSError as error:  # a folder on the way that may not be entered, a name too long
            yield unreadable(argument, error).problem

    def follower(self, argument: str) -> Follower | None:
        if not self.options.follow:
            return None
        return Follower(Path(argument).absolute(), self.options, self.renderer)

    def _remote(self, argument: str) -> RemoteChart | None:
        """What lies here comes first; without a place to keep charts none are pulled."""
        if self.options.cache is None or Path(argument).exists():
            return None
        return parse_remote(argument, helm_repositories())

    def _pulled(self, chart: RemoteChart) -> ChartSource | Problem:
        if self.options.cache is None:
            raise AssertionError("a remote chart without a cache")
        fetcher = choose_fetcher(self.options.helm)
        cache = ChartCache(self.options.cache, fetcher, self.options.offline)
        try:
            archive = cache.archive(chart)
        except SourceError as error:
            return error.problem
        return ChartSource(
            archive, chart.shown, self.options.helm, self.renderer, completion=self._completion()
        )

    def _below(self, folder: Path) -> Iterator[Part]:
        root = folder.resolve()
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
                    yield self._file(found, source=_shown(folder), lenient=True)

    def _kustomization(self, folder: Path) -> KustomizationSource:
        return KustomizationSource(folder, _shown(folder), self.options.helm.namespace)

    def _chart(self, path: Path) -> Iterator[ChartSource | Problem]:
        shown = _shown(path)
        completion = self._completion()
        for found in find_variants(path, shown, self.options):
            if isinstance(found, Problem):
                yield found
            else:
                yield ChartSource(path, shown, found.options, self.renderer, found.name, completion)

    def _completion(self) -> Completion | None:
        """Shared by the variants of a chart, so that its dependencies are fetched once."""
        fetcher = choose_fetcher(self.options.helm) if self.options.dependency_update else None
        return Completion(fetcher, self.renderer) if fetcher else None

    def _file(self, path: Path, *, source: str, lenient: bool) -> ManifestFile:
        return ManifestFile(
            path, _shown(path), source, namespace=self.options.helm.namespace, lenient=lenient
        )


def _chart_named(path: Path) -> Path | None:
    """The chart that a path names: itself, or the one it is a template or values file of."""
    if path.is_dir():
        return path if is_chart_folder(path) else enclosing_chart(path)
    return path if is_archive(path.name) else enclosing_chart(path)


def _shown(path: Path) -> str:
    """The path for the user; a byte of a name that is no UTF-8 becomes a question mark."""
    return Path(os.path.normpath(path)).as_posix().encode("utf-8", "replace").decode("utf-8")
