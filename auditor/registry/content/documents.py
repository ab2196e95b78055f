"""What a registry answers under `/manifests/`: bytes in, one of four shapes out. Pure.

    Index           rows, each a manifest for one platform (OCI index, Docker manifest list)
    ImageManifest   one image, its platform in the config blob (OCI manifest, Docker schema 2)
    Schema1         Docker's first format: containerd 2 no longer pulls it
    Artifact        something that is not an image: a Helm chart, a signature

The kind is what the body's `mediaType` says, else the header, else the structure. A document that
could be read as two kinds is refused (CVE-2021-41190; containerd `images.validateMediaType`). Rows
that make no sense are left out with a note, never an error: old and odd indexes exist.

Manifests that hold something other than an image, and what to call it.

OCI artifacts share the image manifest's shape (image-spec `manifest.md`, "guidelines for artifact
usage"); what they are stands in `artifactType`, in the config's media type, or only in the layers'.

The platform in an image's config blob (image-spec `config.md`), and the shape of any platform.

Whatever a registry calls a platform has to look like one, or a report could not be trusted.

Digests: names of content that the content proves (image-spec `descriptor.md`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from auditor.errors import printable, shorten
from auditor.images.images import VersionSource
from auditor.images.platforms import Platform, make_platform
from auditor.registry.json_text import JsonError, JsonObject, object_at, parse_object, text_at

_CONFIG_TYPES: Final = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
_LAYER_PREFIXES: Final = (
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
)
_ARTIFACT_NAMES: Final = (
    ("helm", "a Helm chart"),
    ("wasm", "a WebAssembly module"),
    ("cosign", "a signature"),
    ("sigstore", "a signature"),
    ("notary", "a signature"),
    ("in-toto", "an attestation"),
    ("spdx", "a bill of materials"),
    ("cyclonedx", "a bill of materials"),
    ("docker.plugin", "a Docker plugin"),
    ("flux", "a Flux artifact"),
)
_MAX_SHOWN: Final = 100


def name_artifact(declared: str, config_type: str, layer_types: Sequence[str]) -> str:
    """What a manifest holds, with its article; "" for an image.

    declared: the `artifactType`, which keeps no node from running what has an image's config and
    layers. layer_types: one for each layer, "" where it has none. Old signatures have an image's
    config, too; that no layer is an image's gives them away.
    """
    has_layers = any(media_type.startswith(_LAYER_PREFIXES) for media_type in layer_types)
    foreign = bool(layer_types) and all(layer_types) and not has_layers
    if config_type in ("", *_CONFIG_TYPES) and (has_layers or not (declared or foreign)):
        return ""
    types = (declared, config_type, *layer_types)
    for word, name in _ARTIFACT_NAMES:
        if any(word in media_type.lower() for media_type in types):
            return name
    return f"an artifact of type {show_type(next(filter(None, types)))}"


def show_type(media_type: str) -> str:
    """A foreign media type for a message."""
    return shorten(printable(media_type), _MAX_SHOWN)


_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAX_FEATURES: Final = 16
_BASE_LAYER: Final = re.compile(r"Apply image (10\.0\.[0-9]{4,6}(?:\.[0-9]{1,6})?)\b")


class DocumentError(ValueError):
    """A document that cannot be read, or in more than one way. The message is a clause."""


class ConfigPlatform(Struct, frozen=True):
    """What a config says its image is built for, and where the OS version comes from."""

    platform: Platform
    version_source: VersionSource = VersionSource.CONFIG


def parse_config(body: bytes) -> ConfigPlatform:
    """The platform of an image config. Raises DocumentError.

    A Windows config without `os.version` may still tell its base image in its history: Microsoft's
    base layers are written as `Apply image 10.0.26100.33438`.
    """
    try:
        config = parse_object(body)
    except JsonError as error:
        raise DocumentError(f"its config cannot be read: {error}") from error
    platform = read_platform(config)
    if platform.os == "windows" and not platform.os_version:
        build = _build_in_history(config.get("history"))
        if build:
            return ConfigPlatform(replace(platform, os_version=build), VersionSource.HISTORY)
    return ConfigPlatform(platform)


def read_platform(value: JsonObject) -> Platform:
    """The platform that an index row or a config spells out.

    `os.version` is kept for Windows only: on Linux it says nothing about where an image runs.
    Raises DocumentError.
    """
    system, architecture = _word(value, "os"), _word(value, "architecture")
    if not system or not architecture:
        missing = "operating system" if not system else "architecture"
        raise DocumentError(f"it names no {missing}")
    variant, version = _word(value, "variant"), _word(value, "os.version")
    platform = make_platform(system, architecture, variant, version, _features(value))
    return platform if platform.os == "windows" else replace(platform, os_version="")


def _word(value: JsonObject, key: str) -> str:
    found = value.get(key)
    if found is None or found == "":
        return ""
    if not isinstance(found, str) or not _WORD.fullmatch(found):
        raise DocumentError(f"its `{key}` is not a name")
    return found


def _features(value: JsonObject) -> tuple[str, ...]:
    found = value.get("os.features")
    if found is None:
        return ()
    if not isinstance(found, list) or len(found) > _MAX_FEATURES:
        raise DocumentError("its `os.features` is not a list of names")
    for feature in found:
        if not isinstance(feature, str) or not _WORD.fullmatch(feature):
            raise DocumentError("its `os.features` is not a list of names")
    return tuple(dict.fromkeys(found))


def _build_in_history(history: object) -> str:
    if not isinstance(history, list) or not history or not isinstance(history[0], dict):
        return ""
    match = _BASE_LAYER.match(text_at(history[0], "created_by"))
    return match[1] if match else ""


_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


def is_digest(text: str) -> bool:
    """Whether it is a digest of a registered algorithm."""
    return _DIGEST.fullmatch(text) is not None


def digest_of(body: bytes) -> str:
    """The digest that content has when nobody says another."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def matches(body: bytes, digest: str, size: int | None = None) -> bool:
    """Whether content is what a digest names. size: in bytes, None where it is not known."""
    algorithm, _, expected = digest.partition(":")
    if not is_digest(digest) or size not in (None, len(body)):
        return False
    return hashlib.new(algorithm, body).hexdigest() == expected


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


class Descriptor(Struct, frozen=True):
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


class Row(Struct, frozen=True):
    """One entry of an index. platform: None where only the child's own config can tell."""

    descriptor: Descriptor
    platform: Platform | None


class Index(Struct, frozen=True):
    """rows: in their order, without attestations. notes: what was left out, a sentence each."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


class ImageManifest(Struct, frozen=True):
    config: Descriptor


class Schema1(Struct, frozen=True):
    """Nothing in it is read: whatever it holds cannot be pulled."""


class Artifact(Struct, frozen=True):
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
