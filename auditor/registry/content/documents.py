"""What a registry answers under `/manifests/`: bytes in, one of four shapes out. Pure.

    Index           rows, each a manifest for one platform (OCI index, Docker manifest list)
    ImageManifest   one image, its platform in the config blob (OCI manifest, Docker schema 2)
    Schema1         Docker's first format: containerd 2 no longer pulls it
    Artifact        something that is not an image: a Helm chart, a signature

The kind is what the body's `mediaType` says, else the header, else the structure. A document that
could be read as two kinds is refused (CVE-2021-41190; containerd `images.validateMediaType`). Rows
that make no sense are left out with a note, never an error: old and odd indexes exist.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final, Literal

from auditor.platforms import Platform
from auditor.registry.content.artifacts import name_artifact, show_type
from auditor.registry.content.configs import DocumentError, read_platform
from auditor.registry.content.digests import is_digest
from auditor.registry.json_text import JsonError, JsonObject, object_at, parse_object, text_at

MAX_DOCUMENT: Final = 4 * 1024 * 1024
"""Bytes of a manifest or index: what distribution's registry accepts."""
MAX_ROWS: Final = 1000

INDEX_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_SCHEMA_1_TYPES: Final = (
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
)

_Kind = Literal["index", "manifest", "schema1"]
_KINDS: Final[dict[str, _Kind]] = {
    **dict.fromkeys(INDEX_TYPES, "index"),
    **dict.fromkeys(MANIFEST_TYPES, "manifest"),
    **dict.fromkeys(_SCHEMA_1_TYPES, "schema1"),
}
_FOREIGN_FIELDS: Final[dict[_Kind, tuple[str, ...]]] = {
    "index": ("config", "layers", "fsLayers"),
    "manifest": ("manifests", "fsLayers"),
    "schema1": ("manifests", "layers"),
}
_NAMES: Final[dict[_Kind, str]] = {
    "index": "an index",
    "manifest": "a manifest",
    "schema1": "a schema 1 manifest",
}


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a document says of another one. size: in bytes, None where it is not said.

    data: the content itself where it is embedded; as little trusted as anything fetched.
    """

    digest: str
    size: int | None
    media_type: str = ""
    data: bytes | None = None

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEX_TYPES


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of an index. platform: None where only the child's own config can tell."""

    descriptor: Descriptor
    platform: Platform | None


@dataclass(frozen=True, slots=True)
class Index:
    """rows: in their order, without attestations. notes: what was left out, a sentence each."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageManifest:
    config: Descriptor


@dataclass(frozen=True, slots=True)
class Schema1:
    """Nothing in it is read: whatever it holds cannot be pulled."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """what: with its article, for a message."""

    what: str


ImageDocument = Index | ImageManifest | Schema1 | Artifact


def parse_document(body: bytes, content_type: str = "") -> ImageDocument:
    """The document. content_type: the header it came with, or the descriptor's media type.

    Raises DocumentError.
    """
    if len(body) > MAX_DOCUMENT:
        raise DocumentError(f"it is larger than {MAX_DOCUMENT} bytes")
    try:
        value = parse_object(body)
    except JsonError as error:
        raise DocumentError(str(error)) from error
    match _kind(value, content_type):
        case "index":
            return _index(value)
        case "schema1":
            return Schema1()
        case "manifest":
            return _manifest(value)


def _kind(value: JsonObject, content_type: str) -> _Kind:
    said = _KINDS.get(text_at(value, "mediaType"))
    sent = _KINDS.get(content_type.partition(";")[0].strip().lower())
    if said and sent and said != sent:
        raise DocumentError(f"its body says it is {_NAMES[said]}, its header {_NAMES[sent]}")
    if "manifests" in value and ("config" in value or "layers" in value):
        raise DocumentError("it could be read as an index or as a manifest")
    kind = said or sent or _kind_by_structure(value)
    if any(field in value for field in _FOREIGN_FIELDS[kind]):
        raise DocumentError("its content is not of the kind it says it is")
    return kind


def _kind_by_structure(value: JsonObject) -> _Kind:
    if "manifests" in value:
        return "index"
    if "config" in value:
        return "manifest"
    if "fsLayers" in value:
        return "schema1"
    raise DocumentError("it is neither an index nor a manifest")


def _index(value: JsonObject) -> Index:
    entries = value.get("manifests")
    if not isinstance(entries, list):
        return Index((), () if "manifests" in value else ("the index has no rows",))
    if len(entries) > MAX_ROWS:
        raise DocumentError(f"it has {len(entries)} rows, more than {MAX_ROWS}")
    rows: list[Row] = []
    notes: list[str] = []
    for number, entry in enumerate(entries, 1):
        try:
            row = _row(entry)
        except DocumentError as error:
            notes.append(f"row {number} of the index is left out: {error}")
        else:
            rows.extend([row] if row else [])
    return Index(tuple(rows), tuple(notes))


def _row(entry: object) -> Row | None:
    if not isinstance(entry, dict):
        raise DocumentError("it is not an object")
    if any(key.startswith("vnd.docker.reference.") for key in object_at(entry, "annotations")):
        return None
    descriptor = _descriptor(entry)
    if descriptor.media_type and descriptor.media_type not in _KINDS:
        raise DocumentError(f"its media type {show_type(descriptor.media_type)} is not an image's")
    said = entry.get("platform")
    if said is None or descriptor.is_index:
        return Row(descriptor, None)
    if not isinstance(said, dict):
        raise DocumentError("its platform is not an object")
    platform = read_platform(said)
    return None if platform.is_attestation else Row(descriptor, platform)


def _descriptor(entry: JsonObject) -> Descriptor:
    digest, size = text_at(entry, "digest"), entry.get("size")
    if not is_digest(digest):
        raise DocumentError("it has no digest" if not digest else "its digest is not one")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise DocumentError("its size is not a number of bytes")
    data = _embedded(entry.get("data"))
    return Descriptor(digest, size or None, text_at(entry, "mediaType"), data)


def _embedded(data: object) -> bytes | None:
    try:
        return base64.b64decode(data, validate=True) if isinstance(data, str) and data else None
    except (binascii.Error, ValueError):
        return None


def _manifest(value: JsonObject) -> ImageManifest | Artifact:
    config, layers = value.get("config"), value.get("layers")
    if not isinstance(config, dict):
        raise DocumentError("it has no config")
    descriptor = _descriptor(config)
    layer_types = [
        text_at(layer, "mediaType") if isinstance(layer, dict) else ""
        for layer in (layers if isinstance(layers, list) else ())
    ]
    name = name_artifact(text_at(value, "artifactType"), descriptor.media_type, layer_types)
    return Artifact(name) if name else ImageManifest(descriptor)
