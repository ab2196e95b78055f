"""The rows of an index, completed: nested indexes opened, gaps filled from the children's configs.

A row without a platform is what its config says it is, as for containerd (`images.Platforms`). A
Windows row without an OS version runs on the build of its base image all the same.

Where the documents of one image come from: a registry's repository, or a layout on disk.

From a reference to its platforms: which documents to read, and what they amount to together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from auditor.images.images import (
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
    VersionSource,
)
from auditor.images.platforms import Platform
from auditor.registry.content.documents import (
    Artifact,
    ConfigPlatform,
    Descriptor,
    DocumentError,
    ImageManifest,
    Index,
    Row,
    Schema1,
    parse_config,
    parse_document,
)
from auditor.registry.interface import Missing


class Fetched(Struct, frozen=True):
    """content_type: the header, or what the descriptor said."""

    body: bytes
    digest: str
    content_type: str


class Content(Protocol):
    """What one image's reference leads to, verified.

    Everything may raise RegistryFailure (`Missing` for what is not there) and TimeOver.
    """

    def top(self) -> Fetched:
        """The index or manifest that the reference names."""
        ...

    def manifest(self, descriptor: Descriptor) -> Fetched:
        """The child of an index."""
        ...

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the child of an index is there."""
        ...

    def config(self, descriptor: Descriptor) -> bytes:
        """An image's config blob."""
        ...


MAX_DEPTH: Final = 4
"""Levels of indexes: deeper ones are a trap."""
MAX_CHILDREN: Final = 64
"""Manifests of one image that are read: every one costs two requests."""


class Each(Protocol):
    """Calls a function for every item, some at once; the results in the items' order."""

    def __call__(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]: ...


class Entry(Struct, frozen=True):
    """What a node finds in an index. version_source: None where the row itself says it all.

    dangling: the row is there, its manifest is not.
    """

    platform: Platform
    digest: str
    version_source: VersionSource | None = None
    dangling: bool = False


class _Odd(Struct, frozen=True):
    """A child that gives no platform. why: a clause for the user."""

    why: str
    missing: bool = False


_Child = ConfigPlatform | Index | _Odd


class IndexReader:
    """Reads one image's index. verify_children: also asks for manifests that need no reading."""

    def __init__(self, repository: Content, each: Each, *, verify_children: bool) -> None:
        self._repository, self._each = repository, each
        self._verify_children = verify_children
        self._seen: set[str] = set()
        self._children_read = 0
        self.notes: list[str] = []

    def read(self, index: Index, depth: int = 1) -> tuple[Entry, ...]:
        """All entries in their order, duplicates included.

        Raises DocumentError where it goes too deep or too far, RegistryFailure and TimeOver.
        """
        if depth > MAX_DEPTH:
            raise DocumentError(f"indexes are nested more than {MAX_DEPTH} levels deep")
        self.notes += index.notes
        if sum(row.descriptor.is_index for row in index.rows) > 1:
            self.notes.append("it nests several indexes, of which containerd opens only the first")
        children = self._children([row for row in index.rows if _has_gap(row)])
        present = self._present([row for row in index.rows if not _has_gap(row)])
        entries: list[Entry] = []
        for row in index.rows:
            digest = row.descriptor.digest
            if digest in children:
                entries += self._completed(row, children[digest], depth)
            elif row.platform:
                entries.append(Entry(row.platform, digest, dangling=not present.get(digest, True)))
        return tuple(entries)

    def _children(self, rows: Sequence[Row]) -> dict[str, _Child]:
        unique = {row.descriptor.digest: row.descriptor for row in rows}
        self._children_read += len(unique)
        if self._children_read > MAX_CHILDREN:
            raise DocumentError(f"more than {MAX_CHILDREN} manifests would have to be read")
        return dict(zip(unique, self._each(self._child, tuple(unique.values())), strict=True))

    def _present(self, rows: Sequence[Row]) -> dict[str, bool]:
        if not self._verify_children:
            return {}
        unique = {row.descriptor.digest: row.descriptor for row in rows}
        return dict(
            zip(unique, self._each(self._repository.has, tuple(unique.values())), strict=True)
        )

    def _child(self, descriptor: Descriptor) -> _Child:
        try:
            fetched = self._repository.manifest(descriptor)
            document = parse_document(fetched.body, fetched.content_type)
            match document:
                case Index():
                    return document
                case Artifact(what):
                    return _Odd(f"it is {what}")
                case Schema1():
                    return _Odd("it is in Docker's schema 1")
                case _:
                    return parse_config(self._repository.config(document.config))
        except Missing as error:
            return _Odd(str(error), missing=True)
        except DocumentError as error:
            return _Odd(str(error))

    def _completed(self, row: Row, child: _Child, depth: int) -> Iterator[Entry]:
        digest, platform = row.descriptor.digest, row.platform
        match child:
            case Index():
                if digest not in self._seen:
                    self._seen.add(digest)
                    yield from self.read(child, depth + 1)
            case _Odd(why, missing):
                if platform and missing:
                    yield Entry(platform, digest, dangling=True)
                elif platform:
                    self.notes.append(f"{platform}: its Windows build is not known: {why}")
                    yield Entry(platform, digest)
                else:
                    self.notes.append(f"row {digest} of the index is left out: {why}")
            case ConfigPlatform(found, source):
                yield from self._filled(row, found, source)

    def _filled(self, row: Row, found: Platform, source: VersionSource) -> Iterator[Entry]:
        digest, platform = row.descriptor.digest, row.platform
        if platform is None:
            if not found.is_attestation:
                yield Entry(found, digest, source if found.os_version else None)
        elif (found.os, found.architecture) != (platform.os, platform.architecture):
            self.notes.append(f"{platform}: its config says {found}")
            yield Entry(platform, digest)
        else:
            features = platform.os_features or found.os_features
            whole = replace(platform, os_version=found.os_version, os_features=features)
            yield Entry(whole, digest, source if found.os_version else None)


def _has_gap(row: Row) -> bool:
    platform = row.platform
    return platform is None or (platform.os == "windows" and not platform.os_version)


MAX_NOTES: Final = 10


def resolve(repository: Content, name: str, each: Each, *, verify_children: bool) -> Platforms:
    """The platforms of the image that a repository was opened for. name: the image, for messages.

    Raises RegistryFailure and TimeOver.
    """
    fetched = repository.top()
    try:
        document = parse_document(fetched.body, fetched.content_type)
        match document:
            case Index():
                reader = IndexReader(repository, each, verify_children=verify_children)
                return _of_index(reader, document, fetched)
            case ImageManifest():
                return _of_manifest(repository, document, fetched)
            case Artifact(what):
                message = f"{name} is {what}, not a container image"
                return UnknownPlatforms(UnknownReason.NOT_AN_IMAGE, message)
            case Schema1():
                message = f"{name} is in Docker's schema 1, which containerd 2 cannot pull"
                hint = "push the image again with any tool"
                return UnknownPlatforms(UnknownReason.SCHEMA_1, message, hint)
    except DocumentError as error:
        message = f"{name} cannot be understood: {error}"
        return UnknownPlatforms(UnknownReason.MALFORMED, message)


def _of_manifest(repository: Content, document: ImageManifest, fetched: Fetched) -> KnownPlatforms:
    config = parse_config(repository.config(document.config))
    inferred = config.version_source is VersionSource.HISTORY
    return KnownPlatforms(
        platforms=(config.platform,),
        kind="manifest",
        digest=fetched.digest,
        completed=((config.platform, config.version_source),) if inferred else (),
    )


def _of_index(reader: IndexReader, document: Index, fetched: Fetched) -> KnownPlatforms:
    entries = reader.read(document)
    first = _first_of_each([entry for entry in entries if not entry.dangling])
    dangling = _first_of_each([entry for entry in entries if entry.dangling])
    notes = (*reader.notes, *_oddities(entries))
    if notes and not entries:
        raise DocumentError(notes[0])
    return KnownPlatforms(
        platforms=tuple(first),
        kind="index",
        digest=fetched.digest,
        notes=_bounded(notes),
        completed=tuple(
            (platform, entry.version_source)
            for platform, entry in first.items()
            if entry.version_source
        ),
        dangling=tuple(dangling),
        rows=tuple(dict.fromkeys(entry.digest for entry in entries)),
    )


def _first_of_each(entries: Sequence[Entry]) -> dict[Platform, Entry]:
    """Of rows for the same platform the first is pulled (image-spec `image-index.md`)."""
    first: dict[Platform, Entry] = {}
    for entry in entries:
        first.setdefault(entry.platform, entry)
    return first


def _oddities(entries: Sequence[Entry]) -> Iterator[str]:
    digests: dict[Platform, str] = {}
    platforms: dict[str, Platform] = {}
    for entry in entries:
        if digests.setdefault(entry.platform, entry.digest) != entry.digest:
            yield f"{entry.platform} is listed for different manifests, of which nodes take one"
        other = platforms.setdefault(entry.digest, entry.platform)
        if other.architecture != entry.platform.architecture:
            yield f"one manifest is listed for {other} and for {entry.platform}: one is mislabelled"


def _bounded(notes: Sequence[str]) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(notes))
    if len(unique) <= MAX_NOTES:
        return unique
    return (*unique[:MAX_NOTES], f"and {len(unique) - MAX_NOTES} more")
