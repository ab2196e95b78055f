"""From a SOURCE on the command line to the source that reads it.

What lies below a folder: charts, and files that may be manifests.

From a SOURCE on the command line to its parts: files, charts, kustomizations, a stream.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from msgspec import Struct

from auditor.errors import Problem, SourceError
from auditor.files.paths import REPOSITORY_MARK, find_home, real_path
from auditor.kubernetes.manifests import Document
from auditor.sources.chart import enclosing_chart, is_archive, is_chart_folder
from auditor.sources.dependencies import Completion, find_completion
from auditor.sources.fetching.remote import ChartElsewhere, find_elsewhere
from auditor.sources.files import ManifestFile, StandardInput, missing, shown_path, unreadable
from auditor.sources.following.follower import Follower, Releases, is_installer_file
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions, Identifier, Source, SourceOptions
from auditor.sources.kustomize import FILE_NAMES, KustomizationSource, kustomization_file, roots
from auditor.sources.renderers import choose_renderer
from auditor.sources.rendering import Renderer
from auditor.sources.values import find_variants

MAX_ENTRIES: Final = 200_000
MAX_DEPTH: Final = 40

_SUFFIXES: Final = (".yaml", ".yml", ".json")
"""Those that kubectl reads; it takes hidden files and folders like any other."""
_TEMPLATE_SUFFIX: Final = ".gotmpl"
"""Files of helmfile that are Go templates, which hold no manifest of their own."""


class ChartFolder(Struct, frozen=True):
    """A folder that is a chart: nothing in it is a manifest of its own."""

    path: Path


class KustomizationFolder(Struct, frozen=True):
    """A folder with a kustomization: no file in it or below is a manifest of its own."""

    path: Path


def walk(
    folder: Path,
    *,
    skips: Callable[[Path], bool] = lambda _: False,
    max_entries: int = MAX_ENTRIES,
    max_depth: int = MAX_DEPTH,
) -> Iterator[Path | ChartFolder | KustomizationFolder | Problem]:
    """Files that may hold manifests, kustomizations, and charts, below a folder: its files first,
    each by name.

    What is hidden is read as kubectl reads it, but for `.git`: no commit can hold one. Nothing
    inside a chart, no link to a folder. A link to a file that leads out of the folder and its
    repository is a problem.
    skips: says of an entry whether it is passed over with all that is below it.
    """
    roots = _roots(folder)
    entries_left = max_entries
    pending = [(folder, 0, False)]
    while pending:
        current, depth, built = pending.pop()
        if is_chart_folder(current):
            yield ChartFolder(current)
            continue
        if kustomization_file(current) is not None:
            yield KustomizationFolder(current)
            built = True
        try:
            with os.scandir(current) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield unreadable(shown_path(current), error).problem
            continue
        entries_left -= len(entries)
        if entries_left < 0:
            yield _too_much(folder, f"more than {max_entries} files and folders")
            return
        for entry in () if built else entries:
            if _is_of_interest(entry) and not skips(Path(entry.path)):
                yield from _file(entry, roots)
        below = [path for path in _folders(entries) if not skips(path)]
        if below and depth >= max_depth:
            yield _too_much(current, f"folders more than {max_depth} deep")
            continue
        pending += ((path, depth + 1, built) for path in reversed(below))


def _is_of_interest(entry: os.DirEntry[str]) -> bool:
    """Return whether a file may hold manifests, or install charts."""
    return entry.name.endswith(_SUFFIXES) or is_installer_file(Path(entry.path).as_posix())


def _roots(folder: Path) -> tuple[Path, ...]:
    """The folders that links may lead to: it, and its repository."""
    home = find_home(folder)
    return (real_path(folder), *((home.root,) if home and home.is_repository else ()))


def _folders(entries: Iterable[os.DirEntry[str]]) -> Iterator[Path]:
    """Those that are entered."""
    for entry in entries:
        if entry.name != REPOSITORY_MARK and entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)


def _file(entry: os.DirEntry[str], roots: tuple[Path, ...]) -> Iterator[Path | Problem]:
    """A file of manifests, unless it is none."""
    path = Path(entry.path)
    if not entry.is_symlink():
        if entry.is_file():
            yield path
        return
    target = real_path(path)
    if not any(_is_inside(target, root) for root in roots):
        yield _leads_out(path)
    elif target.is_file():
        yield path


def _is_inside(target: Path, root: Path) -> bool:
    """Whether it lies there, and not among git's own files."""
    return target.is_relative_to(root) and REPOSITORY_MARK not in target.relative_to(root).parts


def _leads_out(path: Path) -> Problem:
    shown = shown_path(path)
    return SourceError(
        f"{shown} is a link that leads out, and was not read",
        where=shown,
        why="kubectl follows it; podfit reads what is in the folder or its repository",
        hint="put the file itself there, or `exclude` the link in the configuration",
    ).problem


def _too_much(folder: Path, what: str) -> Problem:
    shown = shown_path(folder)
    return SourceError(
        f"{shown} holds {what}; the rest was not read",
        where=shown,
        hint="name the folders that hold your manifests, or `exclude` those that hold none",
    ).problem


STREAM: Final = "-"


class RemotePart(Struct, frozen=True):
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


class PartFinder(Struct, frozen=True):
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


_MAX_FOLLOWED: Final = 3
"""Charts that install charts that install charts."""


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """What one SOURCE stands for: a file, a chart, a stream, or a folder's files and charts.

    follower: goes on to the charts that are installed by objects in it; None where nobody wants it.
    reason: why it has no parts; "" where nobody took them away. watch: puts in place of a chart one
    that is watched as it is read.
    """

    name: str
    parts: tuple[Part, ...]
    follower: Follower | None = field(default=None, compare=False)
    reason: str = ""
    watch: Callable[[ChartSource], ChartSource] = field(default=lambda chart: chart, compare=False)
    _releases: Releases = field(default_factory=Releases, compare=False)
    _charts: list[ChartSource] = field(default_factory=list, compare=False)

    @property
    def charts(self) -> tuple[ChartSource, ...]:
        """The charts that were read, those among them that were pulled and followed."""
        return tuple(self._charts)

    @property
    def why_empty(self) -> str:
        """See `Source`."""
        reasons = {chart.why_empty for chart in self._charts}
        return reasons.pop() if len(reasons) == 1 else self.reason

    @property
    def notices(self) -> tuple[str, ...]:
        """What to tell the user once the documents were read."""
        return self._releases.notices

    @property
    def unfollowed(self) -> int:
        """Number of objects and files that install charts and were not followed."""
        return self._releases.unfollowed

    def documents(self) -> Iterator[Document | Problem]:
        """The documents of the parts in order; a problem that several share comes once.

        Variants of a chart may lack other dependencies: the same command completes them all.
        """
        identified = Identifier()
        told: set[tuple[str, str, str]] = set()
        self._releases.clear()
        self._charts.clear()
        for part in self._all_parts():
            for item in self._documents_of(part):
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
                yield from self.follower.follow(self._releases)

    def _documents_of(self, part: Part) -> Iterator[Document | Problem]:
        if isinstance(part, RemotePart):
            part = part.pulled()
        if isinstance(part, ChartSource):
            part = self.watch(part)
            self._charts.append(part)
        if isinstance(part, ManifestFile):
            self._releases.look_at(part.path, part.shown)
        if isinstance(part, Problem):
            yield part
        elif not (isinstance(part, ManifestFile) and part.path.suffix == _TEMPLATE_SUFFIX):
            yield from part.documents()


def open_sources(
    arguments: Sequence[str], options: SourceOptions | None = None
) -> tuple[Source, ...]:
    """The sources that the SOURCEs of a command name: files, folders, charts, `-`.

    A file or chart that several of them name or hold is read once, and a SOURCE that holds nothing
    else is left out. Never raises: a SOURCE that cannot be read has a `Problem` among its
    documents. Folders are walked here; files are read, and charts pulled and rendered, when
    documents are asked for.
    """
    options = options or SourceOptions()
    renderer = choose_renderer(options.helm)
    finder = PartFinder(options, renderer)
    named = [(argument, tuple(finder.parts(argument))) for argument in arguments]
    taken = {_key(part) for _, parts in named for part in parts if not _is_found(part)}
    seen: set[object] = set()
    sources: list[Source] = []
    paths = tuple(Path(name).absolute() for name in arguments if name != STREAM)
    for name, parts in named:
        kept: list[Part] = []
        for part in parts:
            key = _key(part)
            if key in seen or (_is_found(part) and key in taken):
                continue
            seen.add(key)
            kept.append(part)
        if kept or not parts:
            follower = Follower(Path(name).absolute(), options, renderer, paths)
            reason = "" if parts else finder.why_nothing(name)
            followed = follower if options.follow else None
            sources.append(OpenedSource(name, tuple(kept), followed, reason))
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
        case RemotePart():
            return part.elsewhere.chart
        case ChartSource():
            return real_path(part.path), part.variant
        case _:
            return real_path(part.path)
