"""Resolve a reference to its platforms, from the documents of a registry or a layout.

`IndexReader` follows nested indexes and reads the configs of rows that are incomplete: a row
without a platform has that of its config, as in containerd (`images.Platforms`), and a Windows row
without an OS version runs on the build of its base image.
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
    """A document. `content_type` is the header, or the descriptor's media type."""

    body: bytes
    digest: str
    content_type: str


class Content(Protocol):
    """Verified documents of one image.

    All methods may raise RegistryFailure (`Missing` if absent) and TimeOver.
    """

    def top(self) -> Fetched:
        """Return the index or manifest of the reference."""
        ...

    def manifest(self, descriptor: Descriptor) -> Fetched:
        """Return a child of an index."""
        ...

    def has(self, descriptor: Descriptor) -> bool:
        """Check whether a child of an index exists."""
        ...

    def config(self, descriptor: Descriptor) -> bytes:
        """Return the config blob of an image."""
        ...


MAX_NOTES: Final = 10


def resolve(repository: Content, name: str, each: Each, *, verify_children: bool) -> Platforms:
    """Return the platforms of an image. Raises RegistryFailure and TimeOver.

    Args:
        repository: The content of the image.
        name: The image, for messages.
        each: Applies a function to items.
        verify_children: Check that every manifest of an index exists.
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
        message = f"{name} cannot be read: {error}"
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
    notes = (*reader.notes, *_inconsistencies(entries))
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
    """Keep the first row of each platform: nodes pull it (image-spec `image-index.md`)."""
    first: dict[Platform, Entry] = {}
    for entry in entries:
        first.setdefault(entry.platform, entry)
    return first


def _inconsistencies(entries: Sequence[Entry]) -> Iterator[str]:
    digests: dict[Platform, str] = {}
    platforms: dict[str, Platform] = {}
    for entry in entries:
        if digests.setdefault(entry.platform, entry.digest) != entry.digest:
            yield f"{entry.platform} is listed for several manifests; nodes use one of them"
        other = platforms.setdefault(entry.digest, entry.platform)
        if other.architecture != entry.platform.architecture:
            yield f"one manifest is listed for {other} and for {entry.platform}: one is mislabelled"


def _bounded(notes: Sequence[str]) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(notes))
    if len(unique) <= MAX_NOTES:
        return unique
    return (*unique[:MAX_NOTES], f"and {len(unique) - MAX_NOTES} more")


MAX_DEPTH: Final = 4
"""Levels of nested indexes."""
MAX_CHILDREN: Final = 64
"""Manifests read per image; each takes two requests."""


class Each(Protocol):
    """Applies a function to items concurrently; returns the results in order."""

    def __call__(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]: ...


class Entry(Struct, frozen=True):
    """A platform of an index.

    Attributes:
        version_source: Source of the OS version; None if it is in the row.
        dangling: The row exists, its manifest does not.
    """

    platform: Platform
    digest: str
    version_source: VersionSource | None = None
    dangling: bool = False


class _Unusable(Struct, frozen=True):
    """A child without a platform. `why` is a clause for the user."""

    why: str
    missing: bool = False


_Child = ConfigPlatform | Index | _Unusable


class IndexReader:
    """Reads the index of one image. `verify_children` also checks manifests it need not read."""

    def __init__(self, repository: Content, each: Each, *, verify_children: bool) -> None:
        self._repository, self._each = repository, each
        self._verify_children = verify_children
        self._seen: set[str] = set()
        self._children_read = 0
        self.notes: list[str] = []

    def read(self, index: Index, depth: int = 1) -> tuple[Entry, ...]:
        """Return all entries in order, including duplicates.

        Raises DocumentError if the limits are exceeded, RegistryFailure and TimeOver.
        """
        if depth > MAX_DEPTH:
            raise DocumentError(f"indexes are nested more than {MAX_DEPTH} levels deep")
        self.notes += index.notes
        if sum(row.descriptor.is_index for row in index.rows) > 1:
            self.notes.append("it nests several indexes; containerd opens only the first")
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
            raise DocumentError(f"it requires reading more than {MAX_CHILDREN} manifests")
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
                    return _Unusable(f"it is {what}")
                case Schema1():
                    return _Unusable("it is in Docker's schema 1")
                case _:
                    return parse_config(self._repository.config(document.config))
        except Missing as error:
            return _Unusable(str(error), missing=True)
        except DocumentError as error:
            return _Unusable(str(error))

    def _completed(self, row: Row, child: _Child, depth: int) -> Iterator[Entry]:
        digest, platform = row.descriptor.digest, row.platform
        match child:
            case Index():
                if digest not in self._seen:
                    self._seen.add(digest)
                    yield from self.read(child, depth + 1)
            case _Unusable(why, missing):
                if platform and missing:
                    yield Entry(platform, digest, dangling=True)
                elif platform:
                    self.notes.append(f"{platform}: its Windows build is unknown: {why}")
                    yield Entry(platform, digest)
                else:
                    self.notes.append(f"row {digest} of the index was skipped: {why}")
            case ConfigPlatform(found, source):
                yield from self._filled(row, found, source)

    def _filled(self, row: Row, found: Platform, source: VersionSource) -> Iterator[Entry]:
        digest, platform = row.descriptor.digest, row.platform
        if platform is None:
            if not found.is_attestation:
                yield Entry(found, digest, source if found.os_version else None)
        elif (found.os, found.architecture) != (platform.os, platform.architecture):
            self.notes.append(f"{platform}: its config is for {found}")
            yield Entry(platform, digest)
        else:
            features = platform.os_features or found.os_features
            whole = replace(platform, os_version=found.os_version, os_features=features)
            yield Entry(whole, digest, source if found.os_version else None)


def _has_gap(row: Row) -> bool:
    platform = row.platform
    return platform is None or (platform.os == "windows" and not platform.os_version)
