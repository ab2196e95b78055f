"""From a reference to its platforms: which documents to read, and what they amount to together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.images import KnownPlatforms, Platforms, UnknownPlatforms, UnknownReason, VersionSource
from auditor.platforms import Platform
from auditor.registry.content.configs import DocumentError, parse_config
from auditor.registry.content.documents import (
    Artifact,
    ImageManifest,
    Index,
    Schema1,
    parse_document,
)
from auditor.registry.content.indexes import Each, Entry, IndexReader
from auditor.registry.content.interface import Content, Fetched

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
