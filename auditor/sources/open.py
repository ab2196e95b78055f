"""Resolve SOURCE arguments to files, charts, kustomizations and standard input.

Folders are walked for manifests, charts and kustomizations.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.errors import Problem, SourceError
from auditor.files.paths import REPOSITORY_MARK, find_home, is_within, real_path
from auditor.kubernetes.manifests import Document
from auditor.sources.chart import ArchiveError, enclosing_chart, is_archive, is_chart_folder
from auditor.sources.chart_facts import ChartFacts
from auditor.sources.chart_safety import Entry, walk_chart
from auditor.sources.dependencies import Completion, find_completion
from auditor.sources.fetching.remote import ChartElsewhere, find_elsewhere
from auditor.sources.files import ManifestFile, StandardInput, missing, shown_path, unreadable
from auditor.sources.following.follower import Follower, Releases, is_installer_file
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions, Identifier, Source, SourceOptions
from auditor.sources.kustomize import FILE_NAMES, KustomizationSource, kustomization_file, roots
from auditor.sources.parallel import in_order
from auditor.sources.renderers import choose_renderer
from auditor.sources.rendering import Renderer
from auditor.sources.values import find_variants

MAX_ENTRIES: Final = 200_000
MAX_DEPTH: Final = 40

_SUFFIXES: Final = (".yaml", ".yml", ".json")
"""The suffixes that kubectl reads. Like kubectl, podfit also reads hidden files and folders."""
_TEMPLATE_SUFFIX: Final = ".gotmpl"
"""Suffix of helmfile's Go templates, which are not manifests."""


class ChartFolder(Struct, frozen=True):
    """A folder with a Chart.yaml; its files are not read as standalone manifests."""

    path: Path


class KustomizationFolder(Struct, frozen=True):
    """A folder with a kustomization; files in and below it are not read as manifests."""

    path: Path


def walk(
    folder: Path,
    *,
    skips: Callable[[Path], bool] = lambda _: False,
    max_entries: int = MAX_ENTRIES,
    max_depth: int = MAX_DEPTH,
) -> Iterator[Path | ChartFolder | KustomizationFolder | Problem]:
    """Yield the possible manifests, kustomizations and charts below a folder.

    Each folder's files come before its subfolders, both sorted by name. Hidden entries are
    included, as in kubectl, except `.git`. Charts are not entered and links to folders are not
    followed. A link to a file outside the folder and its repository is reported as a problem.

    Args:
        skips: Whether to skip an entry and everything below it.
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
    """Return the folders that links may point into: the folder itself and its repository."""
    home = find_home(folder)
    return (real_path(folder), *((home.root,) if home and home.is_repository else ()))


def _folders(entries: Iterable[os.DirEntry[str]]) -> Iterator[Path]:
    for entry in entries:
        if entry.name != REPOSITORY_MARK and entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)


def _file(entry: os.DirEntry[str], roots: tuple[Path, ...]) -> Iterator[Path | Problem]:
    path = Path(entry.path)
    if not entry.is_symlink():
        if entry.is_file():
            yield path
        return
    target = real_path(path)
    if not any(is_within(target, root) for root in roots):
        yield _leads_out(path)
    elif target.is_file():
        yield path


def _leads_out(path: Path) -> Problem:
    shown = shown_path(path)
    return SourceError(
        f"{shown} links to a file outside the folder and was not read",
        where=shown,
        why="kubectl follows it; podfit reads only files in the folder or its repository",
        hint="replace the link with the file, or `exclude` it in the configuration",
    ).problem


def _too_much(folder: Path, what: str) -> Problem:
    shown = shown_path(folder)
    return SourceError(
        f"{shown} contains {what}; the rest was not read",
        where=shown,
        hint="pass only the folders with manifests, or `exclude` the others in the configuration",
    ).problem


STREAM: Final = "-"


class RemotePart(Struct, frozen=True):
    """A remote chart that is pulled when its documents are read.

    The other attributes are those of `ChartSource`.
    """

    elsewhere: ChartElsewhere
    options: HelmOptions
    renderer: Renderer
    completion: Completion | None = None

    def pulled(self) -> ChartSource | Problem:
        """Return the chart, from the cache or from its remote location."""
        try:
            archive = self.elsewhere.archive()
        except SourceError as error:
            return error.problem
        shown = self.elsewhere.chart.shown
        return ChartSource(archive, shown, self.options, self.renderer, completion=self.completion)


Part = ManifestFile | ChartSource | RemotePart | KustomizationSource | StandardInput | Problem


class PartFinder(Struct, frozen=True):
    """Finds the parts of a SOURCE. Folders are walked; nothing is read, rendered or pulled."""

    options: SourceOptions
    renderer: Renderer

    def parts(self, argument: str) -> Iterator[Part]:
        """Yield the parts of a SOURCE in a stable order; errors are yielded as a `Problem`."""
        if argument == STREAM:
            yield StandardInput(self.options.helm.namespace)
            return
        path = Path(argument)
        try:
            if remote := self._remote(argument):
                yield remote
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
        except OSError as error:  # no permission for a parent folder, or the name is too long
            yield unreadable(argument, error).problem

    def why_no_parts(self, argument: str) -> str:
        """Return a clause that explains why a SOURCE has no parts, or ""."""
        folder = Path(argument)
        excluded = folder.is_dir() and any(not isinstance(item, Problem) for item in walk(folder))
        return "`exclude` in the configuration covers all of it" if excluded else ""

    def _remote(self, argument: str) -> RemotePart | None:
        if Path(argument).exists():  # local files take precedence
            return None
        found = find_elsewhere(argument, self.options, named_by_user=True)
        if found is None:
            return None
        completion = find_completion(self.options, self.renderer)
        return RemotePart(found, self.options.helm, self.renderer, completion)

    def _below(self, folder: Path) -> Iterator[Part]:
        root = real_path(folder)
        entries = tuple(
            walk(folder, skips=lambda path: self.options.excludes(root / path.relative_to(folder)))
        )
        built = roots(item.path for item in entries if isinstance(item, KustomizationFolder))
        for entry in entries:
            match entry:
                case Problem():
                    yield entry
                case ChartFolder(path):
                    yield from self._chart(path)
                case KustomizationFolder(path):
                    if path == folder or path in built:
                        yield self._kustomization(path)
                case _:
                    yield self._file(entry, source=shown_path(folder), lenient=True)

    def _kustomization(self, folder: Path) -> KustomizationSource:
        return KustomizationSource(folder, shown_path(folder), self.options.helm.namespace)

    def _chart(self, path: Path) -> Iterator[ChartSource | Problem]:
        shown = shown_path(path)
        completion = find_completion(self.options, self.renderer)  # one for all variants
        facts = ChartFacts()
        for found in find_variants(path, shown, self.options):
            if isinstance(found, Problem):
                yield found
            else:
                yield ChartSource(
                    path, shown, found.options, self.renderer, found.name, completion, facts=facts
                )

    def _file(self, path: Path, *, source: str, lenient: bool) -> ManifestFile:
        return ManifestFile(
            path, shown_path(path), source, namespace=self.options.helm.namespace, lenient=lenient
        )


def _chart_named(path: Path) -> Path | None:
    """Return the chart that a path belongs to: the path itself, or the chart around the file."""
    if path.is_dir():
        return path if is_chart_folder(path) else enclosing_chart(path)
    return path if is_archive(path.name) else enclosing_chart(path)


_MAX_FOLLOWED: Final = 3
"""How many levels of charts that install other charts are followed."""


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """One SOURCE: a file, a chart, standard input, or the files and charts of a folder.

    Attributes:
        follower: Finds the charts installed by objects in the SOURCE; None without `--follow`.
        reason: Why the SOURCE has no parts, if the configuration excludes them.
        watch: Replaces a chart with a wrapper that observes its reading.
        jobs: Number of charts that are rendered at the same time.
    """

    name: str
    parts: tuple[Part, ...]
    follower: Follower | None = field(default=None, compare=False)
    reason: str = ""
    watch: Callable[[ChartSource], ChartSource] = field(default=lambda chart: chart, compare=False)
    jobs: int = field(default=1, compare=False)
    _releases: Releases = field(default_factory=Releases, compare=False)
    _charts: list[ChartSource] = field(default_factory=list, compare=False)

    @property
    def charts(self) -> tuple[ChartSource, ...]:
        """The charts that were read, including pulled and followed ones."""
        return tuple(self._charts)

    @property
    def why_empty(self) -> str:
        """See `Source`."""
        reasons = {chart.why_empty for chart in self._charts}
        return reasons.pop() if len(reasons) == 1 else self.reason

    @property
    def notices(self) -> tuple[str, ...]:
        """Notices for the user, complete after the documents are read."""
        return self._releases.notices

    @property
    def unfollowed(self) -> int:
        """Number of objects and files that install charts and were not followed."""
        return self._releases.unfollowed

    def documents(self) -> Iterator[Document | Problem]:
        """Yield the documents of the parts in order, and each distinct problem once.

        Problems are compared without `why`: variants of a chart may lack different dependencies,
        but one command fetches them all.
        """
        identified = Identifier()
        reported: set[tuple[str, str, str]] = set()
        self._releases.clear()
        self._charts.clear()
        for batch in self._batches():
            for item in self._read(tuple(batch)):
                if isinstance(item, Document):
                    self._releases.look(item)
                    yield identified(item)
                elif (key := (item.what, item.where, item.hint)) not in reported:
                    reported.add(key)
                    yield item

    def _batches(self) -> Iterator[Iterable[Part]]:
        """Yield the parts of the SOURCE, then the charts that they install, recursively."""
        yield self.parts
        for _ in range(_MAX_FOLLOWED if self.follower else 0):
            if self.follower and self._releases.unread:
                yield self.follower.follow(self._releases)

    def _read(self, parts: Sequence[Part]) -> Iterator[Document | Problem]:
        """Yield the documents of the parts in order; charts are rendered ahead of their turn."""
        watched = [self.watch(part) if isinstance(part, ChartSource) else part for part in parts]
        slow = [part for part in watched if isinstance(part, ChartSource | KustomizationSource)]
        read = in_order(lambda part: tuple(part.documents()), slow, self.jobs, _weight)
        for part in watched:
            if isinstance(part, ChartSource):
                self._charts.append(part)
            in_turn = isinstance(part, ChartSource | KustomizationSource)
            for item in next(read) if in_turn else self._documents_of(part):
                if isinstance(item, Problem) and not item.part:
                    yield replace(item, part=_part_of(part))
                else:
                    yield item

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


def _weight(part: ChartSource | KustomizationSource) -> int:
    """Return the size of a chart's folder or archive in bytes, as a guess of its rendering time."""
    if part.path.is_file():
        return part.path.stat().st_size
    if not isinstance(part, ChartSource):
        return 0
    with suppress(OSError, ArchiveError):
        return part.facts.once("size", lambda: sum(map(_size, walk_chart(part.path))))
    return 0


def _size(entry: Entry) -> int:
    return 0 if entry.leads_out else entry.file.stat().st_size


def open_sources(
    arguments: Sequence[str], options: SourceOptions | None = None
) -> tuple[Source, ...]:
    """Open the SOURCE arguments of a command: files, folders, charts or `-`.

    A file or chart that several arguments contain is read once; an argument that adds nothing new
    is left out. Never raises: if a SOURCE cannot be read, its documents include a `Problem`.
    Folders are walked here; files are read and charts pulled and rendered by `documents()`.
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
            reason = "" if parts else finder.why_no_parts(name)
            followed = follower if options.follow else None
            sources.append(OpenedSource(name, tuple(kept), followed, reason, jobs=options.jobs))
    return tuple(sources)


def _part_of(part: Part) -> str:
    """Return the word of `errors.PARTS` for what fails with a part."""
    if isinstance(part, ChartSource | RemotePart):
        return "chart"
    return "kustomization" if isinstance(part, KustomizationSource) else "file"


def _is_found(part: Part) -> bool:
    return isinstance(part, ManifestFile) and part.lenient


def _key(part: Part) -> object:
    """Return the key by which two spellings of the same part are recognised."""
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
