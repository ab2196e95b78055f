"""From a SOURCE on the command line to the source that reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from auditor.errors import Problem
from auditor.manifests import Document
from auditor.repositories import real_path
from auditor.sources.files import ManifestFile
from auditor.sources.following.follower import Follower
from auditor.sources.following.releases import Releases
from auditor.sources.helm import ChartSource
from auditor.sources.identity import Identifier
from auditor.sources.interface import Source
from auditor.sources.options import SourceOptions
from auditor.sources.parts import STREAM, Part, PartFinder, RemotePart
from auditor.sources.renderers import choose_renderer
from auditor.sources.stream import StandardInput

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
        if isinstance(part, Problem):
            yield part
        else:
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
