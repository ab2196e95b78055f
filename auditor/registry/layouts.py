"""Read images from OCI layouts and `docker save` archives instead of a registry.

    [NAME=]oci:FOLDER[:REF]            a folder with `index.json` (skopeo copy --all, buildx -o oci)
    [NAME=]oci-archive:FILE[:REF]      the same in a tar archive
    [NAME=]docker-archive:FILE[:REF]   docker save, podman save

NAME sets the image's name if the annotations of the layout have none, or not the one in the
manifests. REF selects one of several images.

The entries of `index.json` are images (image-spec `image-layout.md`), with their names in
annotations. Podman, and Docker before version 25, write `manifest.json` instead, which lists
configs: such an image has no manifest and thus no digest.

Archives are untrusted and never unpacked: small regular files that look like JSON are read in one
pass, everything else (layers, links, devices) is skipped.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import stat
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from msgspec import Struct

from auditor.errors import ConfigurationError, UsageError, printable, shorten
from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
    VersionSource,
)
from auditor.images.references import parse_reference
from auditor.registry.content.documents import (
    MAX_DOCUMENT,
    MAX_ROWS,
    Descriptor,
    DocumentError,
    digest_of,
    is_digest,
    matches,
    parse_config,
)
from auditor.registry.content.resolution import Fetched, resolve
from auditor.registry.interface import RegistryFailure
from auditor.registry.json_text import JsonError, object_at, parse_object, text_at

MAX_MEMBERS: Final = 20_000
MAX_KEPT: Final = 64 * 1024 * 1024
"""Bytes of all documents of an archive."""
MAX_UNPACKED: Final = 16 * 1024**3
"""Bytes of an archive after decompression, against gzip bombs."""
MAX_READ: Final = 16 * 1024 * 1024
"""Bytes of one read, as a tar header can claim a name of a gigabyte."""

_GZIP: Final = b"\x1f\x8b"
_OTHER_COMPRESSIONS: Final = {b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zX": "xz", b"BZh": "bzip2"}


_SCHEMES: Final = ("oci", "oci-archive", "docker-archive")
_CHOICE_SHOWN: Final = 5


class LayoutSource(Struct, frozen=True):
    """A layout given on the command line.

    Attributes:
        ref: The image to select; "" for all.
        name: The name of the image; None to use the annotations.
    """

    scheme: str
    path: Path
    ref: str = ""
    name: ImageReference | None = None

    def __str__(self) -> str:
        return f"{self.scheme}:{self.path}"


class LayoutLookup(Struct, frozen=True):
    """A `Lookup` in the images of layouts, by name or by repository and digest."""

    images: Mapping[ImageReference, Platforms]

    def __call__(self, image: ImageReference) -> Platforms | None:
        if image in self.images or not image.digest:
            return self.images.get(image)
        for known, answer in self.images.items():
            if (known.registry, known.repository) == (image.registry, image.repository) and (
                isinstance(answer, KnownPlatforms) and answer.digest == image.digest
            ):
                return answer
        return None


def parse_layout(text: str) -> LayoutSource:
    """Parse `[NAME=]SCHEME:PATH[:REF]`. Raises UsageError.

    The path is the longest prefix that exists, as both paths and references may contain a colon.
    """
    name, equals, rest = ("", "", text) if _scheme_of(text) else text.partition("=")
    scheme = _scheme_of(rest)
    if not scheme:
        raise UsageError(
            f"`{shorten(printable(text), 200)}` is not an image layout",
            hint="write [NAME=]oci:FOLDER[:REF], or oci-archive:FILE or docker-archive:FILE",
        )
    reference = parse_reference(name) if equals else None
    if reference is not None and not isinstance(reference, ImageReference):
        raise UsageError(reference.message, hint=reference.hint)
    path, ref = _existing(rest.removeprefix(f"{scheme}:"))
    return LayoutSource(scheme, path, ref, reference)


def read_layout(source: LayoutSource) -> Mapping[ImageReference, Platforms]:
    """Return the images of a layout by name. Raises ConfigurationError if no name is known."""
    try:
        in_folder = source.scheme == "oci"
        files = FolderFiles(source.path) if in_folder else ArchiveFiles(source.path)
        return _named(source, read_images(files, str(source)))
    except (LayoutError, JsonError) as error:
        raise ConfigurationError(
            f"cannot read the image layout {source}",
            where=str(source.path),
            why=str(error),
            hint=error.hint if isinstance(error, LayoutError) else "",
        ) from error


def read_layouts(sources: Iterable[LayoutSource]) -> LayoutLookup:
    """Read all layouts; the first one with an image is used. Raises ConfigurationError."""
    images: dict[ImageReference, Platforms] = {}
    for source in sources:
        images = {**read_layout(source), **images}
    return LayoutLookup(images)


def _scheme_of(text: str) -> str:
    scheme, colon, _ = text.partition(":")
    return scheme if colon and scheme in _SCHEMES else ""


def _existing(text: str) -> tuple[Path, str]:
    shown = shorten(printable(text), 200)
    cuts = [len(text), *(place for place in range(len(text) - 1, 0, -1) if text[place] == ":")]
    for cut in cuts:
        try:
            if cut and Path(text[:cut]).exists():
                return Path(text[:cut]), text[cut + 1 :]
        except (OSError, ValueError):
            continue
    raise UsageError(f"there is no image layout at `{shown}`", hint="check the path")


def _named(
    source: LayoutSource, images: Sequence[LayoutImage]
) -> Mapping[ImageReference, Platforms]:
    chosen = [image for image in images if source.ref in ("", *image.names)]
    if source.name is not None:
        if len(chosen) != 1:
            hint = f"choose one: NAME={source}:REF"
            raise LayoutError(f"it has {len(chosen)} matching images{_choice(images)}", hint)
        return {source.name: chosen[0].answer(source.name)}
    answers: dict[ImageReference, Platforms] = {}
    for image in chosen:
        for name in filter(None, map(_full_name, image.names)):
            if name not in answers:
                answers[name] = image.answer(name)
    if not answers:
        hint = f"set the name of the image: NAME={source}"
        raise LayoutError(f"it has no full name for a matching image{_choice(images)}", hint)
    return answers


def _full_name(text: str) -> ImageReference | None:
    """Return an annotation as a reference, or None if it is only a tag."""
    reference = parse_reference(text) if set(text) & set("/:") else None
    return reference if isinstance(reference, ImageReference) else None


def _choice(images: Sequence[LayoutImage]) -> str:
    names = [shorten(printable(name), 100) for image in images for name in image.names]
    return f" (of {', '.join(names[:_CHOICE_SHOWN])})" if names else ""


_INDEX: Final = "index.json"
_SAVED: Final = "manifest.json"
_NAMES: Final = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_NOT_HERE: Final = "it is not in the layout"
_ONE_PLATFORM: Final = "it was saved for one platform; the image may have others"


class LayoutImage(Struct, frozen=True):
    """An image of a layout.

    Attributes:
        names: From annotations: full names, or tags only.
        read: Returns the platforms, given the name for messages. Raises like `resolve`.
        source: The layout, for `KnownPlatforms.source`.
    """

    names: tuple[str, ...]
    read: Callable[[str], Platforms]
    source: str

    def answer(self, name: ImageReference) -> Platforms:
        """Return the platforms; `name` is used in messages."""
        try:
            found = self.read(name.familiar)
        except RegistryFailure as failure:
            return failure.answer
        except DocumentError as error:
            message = f"{name.familiar} in {self.source} cannot be read: {error}"
            return UnknownPlatforms(UnknownReason.MALFORMED, message)
        if isinstance(found, KnownPlatforms):
            return dataclasses.replace(found, source=self.source)
        return found


def read_images(files: Files, source: str) -> tuple[LayoutImage, ...]:
    """List the images without reading them. Raises LayoutError and JsonError."""
    if (index := files.read(_INDEX)) is not None:
        return _oci_images(files, source, index)
    if (saved := files.read(_SAVED)) is not None:
        return _docker_images(files, source, saved)
    raise LayoutError(f"it contains neither {_INDEX} nor {_SAVED}")


def _oci_images(files: Files, source: str, index: bytes) -> tuple[LayoutImage, ...]:
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
        # Bazel's rules_oci writes the index of one image here, with unnamed platforms as rows.
        return (_image(files, source, (), None),)
    return tuple(images)


def _image(
    files: Files, source: str, names: tuple[str, ...], descriptor: Descriptor | None
) -> LayoutImage:
    def read(name: str) -> Platforms:
        content = _LayoutContent(files, descriptor)
        return resolve(content, name, lambda f, items: [*map(f, items)], verify_children=False)

    return LayoutImage(names, read, source)


def _docker_images(files: Files, source: str, saved: bytes) -> tuple[LayoutImage, ...]:
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
    """Read the platform from a config. Its file is named by its hash: `<hash>.json`, or
    `blobs/sha256/<hash>`.
    """
    body = files.read(path)
    if body is None:
        raise DocumentError(f"its config: {_NOT_HERE}")
    name = path.rpartition("/")[2].removesuffix(".json")
    config = parse_config(_verified(body, Descriptor(f"sha256:{name}", None)))
    inferred = config.version_source is VersionSource.HISTORY
    completed = ((config.platform, config.version_source),) if inferred else ()
    return KnownPlatforms(
        (config.platform,), "manifest", "", notes=(_ONE_PLATFORM,), completed=completed
    )


class _LayoutContent(Struct, frozen=True):
    """The `Content` of one image; `image` is None if `index.json` is the index of the image."""

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
        """Return True: a layout with only some of an image's platforms is not an error."""
        return True

    def config(self, descriptor: Descriptor) -> bytes:
        return self.manifest(descriptor).body

    def _blob(self, digest: str) -> bytes:
        """Raise DocumentError, not `Missing`, if absent, as the registry may still have it."""
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


class LayoutError(ValueError):
    """A layout that cannot be read. The message is a clause for the user."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Files(Protocol):
    """The files of a layout, by their path in it."""

    def read(self, name: str) -> bytes | None:
        """Return the content, or None if there is no such file. Raises LayoutError."""
        ...


class FolderFiles:
    """A layout in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        path = self._folder / name
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                return None
            if found.st_size > MAX_DOCUMENT:
                raise LayoutError(f"{name} is larger than {MAX_DOCUMENT} bytes")
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LayoutError(f"{name}: {error.strerror or error}") from error


class ArchiveFiles:
    """A layout in a tar archive, plain or gzip. Raises LayoutError."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._files = _read_archive(file)
        except LayoutError:
            raise
        except Exception as error:  # a malicious archive can cause any exception in tarfile
            why = error.strerror if isinstance(error, OSError) else None
            raise LayoutError(why or "it is not a tar archive, or it is damaged") from error

    def read(self, name: str) -> bytes | None:
        return self._files.get(name)


class _BoundedFile(io.BufferedIOBase):
    """A file for tarfile with limits on read sizes and positions."""

    def __init__(self, file: BinaryIO | gzip.GzipFile) -> None:
        super().__init__()
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_READ:
            raise LayoutError("a header in it is too large")
        return self._file.read(size)

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        if not 0 <= place <= MAX_UNPACKED:
            raise LayoutError(f"it is larger than {MAX_UNPACKED // 1024**3} GiB")
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()


def _read_archive(file: BinaryIO) -> Mapping[str, bytes]:
    magic = file.read(4)
    file.seek(0)
    for start, name in _OTHER_COMPRESSIONS.items():
        if magic.startswith(start):
            raise LayoutError(f"it is compressed with {name}: unpack it first")
    if not magic.startswith(_GZIP):
        return _read_tar(_BoundedFile(file))
    with gzip.GzipFile(fileobj=file) as unpacked:
        return _read_tar(_BoundedFile(unpacked))


def _read_tar(file: _BoundedFile) -> Mapping[str, bytes]:
    documents: dict[str, bytes] = {}
    kept = 0
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for number, member in enumerate(iter(archive.next, None), 1):
            if number > MAX_MEMBERS:
                raise LayoutError(f"it contains more than {MAX_MEMBERS} files")
            content = _document(archive, member)
            if content is not None:
                kept += len(content)
                if kept > MAX_KEPT:
                    raise LayoutError(f"its documents are larger than {MAX_KEPT} bytes")
                documents.setdefault(member.name.removeprefix("./"), content)
    return documents


def _document(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | None:
    if not member.isreg() or member.issparse() or not 0 < member.size <= MAX_DOCUMENT:
        return None
    file = archive.extractfile(member)
    first = file.read(1) if file else b""
    return first + file.read(MAX_DOCUMENT) if file and first in (b"{", b"[") else None
