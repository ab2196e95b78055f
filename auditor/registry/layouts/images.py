"""The images in a layout's files.

`index.json` is an index whose rows are images (image-spec `image-layout.md`); their names stand in
annotations. Docker before version 25 and Podman save `manifest.json` instead, which lists configs:
such an image has no manifest and therefore no digest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from auditor.errors import printable, shorten
from auditor.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
    VersionSource,
)
from auditor.registry.content.configs import DocumentError, parse_config
from auditor.registry.content.digests import digest_of, is_digest, matches
from auditor.registry.content.documents import MAX_ROWS, Descriptor
from auditor.registry.content.interface import Fetched
from auditor.registry.content.resolution import resolve
from auditor.registry.failures import RegistryFailure
from auditor.registry.json_text import object_at, parse_object, text_at
from auditor.registry.layouts.archives import Files, LayoutError

_INDEX: Final = "index.json"
_SAVED: Final = "manifest.json"
_NAMES: Final = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_NOT_HERE: Final = "it is not in the layout"
_ONE_COPY: Final = "it was saved from one platform's copy; the image may have others"


@dataclass(frozen=True, slots=True)
class LayoutImage:
    """One image of a layout. names: what it says it is called, or a tag alone.

    read: its platforms, for messages under a name. Raises as `resolve` does.
    """

    names: tuple[str, ...]
    read: Callable[[str], Platforms]
    source: str

    def answer(self, name: ImageReference) -> Platforms:
        """Its platforms. name: what it is called in messages."""
        try:
            found = self.read(name.familiar)
        except RegistryFailure as failure:
            return failure.answer
        except DocumentError as error:
            message = f"{name.familiar} in {self.source} cannot be read: {error}"
            return UnknownPlatforms(UnknownReason.MALFORMED, message)
        if isinstance(found, KnownPlatforms):
            return replace(found, source=self.source)
        return found


def read_images(files: Files, source: str) -> tuple[LayoutImage, ...]:
    """The images, none of them read yet. Raises LayoutError and JsonError."""
    if (index := files.read(_INDEX)) is not None:
        return _indexed(files, source, index)
    if (saved := files.read(_SAVED)) is not None:
        return _saved(files, source, saved)
    raise LayoutError(f"it holds neither {_INDEX} nor {_SAVED}")


def _indexed(files: Files, source: str, index: bytes) -> tuple[LayoutImage, ...]:
    entries = parse_object(index).get("manifests")
    if not isinstance(entries, list) or len(entries) > MAX_ROWS:
        raise LayoutError(f"{_INDEX} lists no images, or more than {MAX_ROWS}")
    rows = [entry for entry in entries if isinstance(entry, dict)]
    images = []
    for row in rows:
        annotations = object_at(row, "annotations")
        names = tuple(filter(None, (text_at(annotations, key) for key in _NAMES)))
        descriptor = Descriptor(text_at(row, "digest"), None, text_at(row, "mediaType"))
        images.append(_image(files, source, names, descriptor))
    whole = len(rows) > 1 and all("platform" in row for row in rows)
    if whole and not any(image.names for image in images):
        # Bazel's rules write one image's index there, its platforms as rows without names.
        return (_image(files, source, (), None),)
    return tuple(images)


def _image(
    files: Files, source: str, names: tuple[str, ...], descriptor: Descriptor | None
) -> LayoutImage:
    def read(name: str) -> Platforms:
        return resolve(_LayoutContent(files, descriptor), name, _each, verify_children=False)

    return LayoutImage(names, read, source)


def _saved(files: Files, source: str, saved: bytes) -> tuple[LayoutImage, ...]:
    entries = parse_object(b'{"images": ' + saved + b"}")["images"]
    if not isinstance(entries, list) or len(entries) > MAX_ROWS:
        raise LayoutError(f"{_SAVED} lists no images, or more than {MAX_ROWS}")
    images = []
    for entry in entries:
        if isinstance(entry, dict):
            tags = entry.get("RepoTags")
            names = tuple(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else ()
            path = text_at(entry, "Config")
            images.append(LayoutImage(names, partial(_of_config, files, path), source))
    return tuple(images)


def _of_config(files: Files, path: str, _name: str) -> KnownPlatforms:
    """The config's file is called by its hash: `<hash>.json`, or `blobs/sha256/<hash>`."""
    body = files.read(path)
    if body is None:
        raise DocumentError(f"its config: {_NOT_HERE}")
    name = path.rpartition("/")[2].removesuffix(".json")
    config = parse_config(_verified(body, Descriptor(f"sha256:{name}", None)))
    inferred = config.version_source is VersionSource.HISTORY
    completed = ((config.platform, config.version_source),) if inferred else ()
    return KnownPlatforms(
        (config.platform,), "manifest", "", notes=(_ONE_COPY,), completed=completed
    )


@dataclass(frozen=True, slots=True)
class _LayoutContent:
    """`Content` of one image. image: None where the layout's index is the image's own."""

    files: Files
    image: Descriptor | None

    def top(self) -> Fetched:
        if self.image is not None:
            return self.manifest(self.image)
        body = self.files.read(_INDEX) or b""
        return Fetched(body, digest_of(body), "")

    def manifest(self, descriptor: Descriptor) -> Fetched:
        body = descriptor.data if descriptor.data is not None else self._blob(descriptor.digest)
        return Fetched(_verified(body, descriptor), descriptor.digest, descriptor.media_type)

    def has(self, descriptor: Descriptor) -> bool:  # noqa: ARG002 - a `Content`
        """A layout may hold one of an image's platforms; that others lack is not its fault."""
        return True

    def config(self, descriptor: Descriptor) -> bytes:
        return self.manifest(descriptor).body

    def _blob(self, digest: str) -> bytes:
        """Raises DocumentError, not `Missing`: nobody says that a registry lacks it too."""
        if not is_digest(digest):
            raise DocumentError("it has no digest")
        try:
            body = self.files.read(f"blobs/{digest.replace(':', '/')}")
        except LayoutError as error:
            raise DocumentError(str(error)) from error
        if body is None:
            raise DocumentError(_NOT_HERE)
        return body


def _verified(body: bytes, descriptor: Descriptor) -> bytes:
    if matches(body, descriptor.digest):
        return body
    raise RegistryFailure(
        UnknownReason.DIGEST_MISMATCH,
        f"content of {shorten(printable(descriptor.digest), 100)} does not match its digest",
        "the layout is damaged; write it again",
    )


def _each(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    return [function(item) for item in items]
