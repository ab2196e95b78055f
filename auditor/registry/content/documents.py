"""Parse registry documents: manifests, indexes and image configs, given as bytes.

    Index           rows, each a manifest for one platform (OCI index, Docker manifest list)
    ImageManifest   one image, its platform in the config blob (OCI manifest, Docker schema 2)
    Schema1         Docker's first format, which containerd 2 no longer pulls
    Artifact        anything else, such as a Helm chart or a signature

The kind is given by the body's `mediaType`, else by the header, else by the structure. A document
of ambiguous kind is rejected (CVE-2021-41190; containerd `images.validateMediaType`). Invalid rows
are skipped with a note, as old indexes may have them.

OCI artifacts have the structure of an image manifest (image-spec `manifest.md`, "guidelines for
artifact usage"); their type is in `artifactType`, the config's media type or those of the layers.
Platforms (image-spec `config.md`) are validated, as reports show them. Digests are defined in
image-spec `descriptor.md`.
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

MAX_DOCUMENT: Final = 4 * 1024 * 1024
"""Bytes of a manifest or index; the limit of distribution's registry."""
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
_TYPICAL_KEYS: Final[dict[str, _Kind]] = {
    "manifests": "index",
    "config": "manifest",
    "fsLayers": "schema1",
}
_UNEXPECTED_FIELDS: Final[dict[_Kind, tuple[str, ...]]] = {
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
    """A reference from one document to another.

    Attributes:
        size: In bytes, or None.
        data: Embedded content, unverified.
    """

    digest: str
    size: int | None
    media_type: str = ""
    data: bytes | None = None

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEX_TYPES


class Row(Struct, frozen=True):
    """An entry of an index. `platform` is None if only the child's config has it."""

    descriptor: Descriptor
    platform: Platform | None


class Index(Struct, frozen=True):
    """An index.

    Attributes:
        rows: In order, without attestations.
        notes: Skipped rows, one sentence each.
    """

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


class ImageManifest(Struct, frozen=True):
    config: Descriptor


class Schema1(Struct, frozen=True):
    """A schema 1 manifest; its content is ignored, as it cannot be pulled."""


class Artifact(Struct, frozen=True):
    """A manifest that is not an image. `what` has an article, for messages."""

    what: str


ImageDocument = Index | ImageManifest | Schema1 | Artifact


def parse_document(body: bytes, content_type: str = "") -> ImageDocument:
    """Parse a manifest or index. Raises DocumentError.

    `content_type` is the header, or the descriptor's media type.
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
    declared = _KINDS.get(text_at(value, "mediaType"))
    sent = _KINDS.get(content_type.partition(";")[0].strip().lower())
    if declared and sent and declared != sent:
        raise DocumentError(f"it is {_NAMES[declared]} by its body, {_NAMES[sent]} by its header")
    if "manifests" in value and ("config" in value or "layers" in value):
        raise DocumentError("it could be read as an index or as a manifest")
    kind = declared or sent or next((k for key, k in _TYPICAL_KEYS.items() if key in value), None)
    if kind is None:
        raise DocumentError("it is neither an index nor a manifest")
    if any(field in value for field in _UNEXPECTED_FIELDS[kind]):
        raise DocumentError("its content does not match its media type")
    return kind


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
            notes.append(f"row {number} of the index was skipped: {error}")
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
        raise DocumentError(
            f"its media type {show_type(descriptor.media_type)} is not that of an image"
        )
    value = entry.get("platform")
    if value is None or descriptor.is_index:
        return Row(descriptor, None)
    if not isinstance(value, dict):
        raise DocumentError("its platform is not an object")
    platform = read_platform(value)
    return None if platform.is_attestation else Row(descriptor, platform)


def _descriptor(entry: JsonObject) -> Descriptor:
    digest, size = text_at(entry, "digest"), entry.get("size")
    if not is_digest(digest):
        raise DocumentError("its digest is not valid" if digest else "it has no digest")
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


_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAX_FEATURES: Final = 16
_BASE_LAYER: Final = re.compile(r"Apply image (10\.0\.[0-9]{4,6}(?:\.[0-9]{1,6})?)\b")


class DocumentError(ValueError):
    """A document that is invalid or ambiguous. The message is a clause."""


class ConfigPlatform(Struct, frozen=True):
    """The platform of an image config, and the source of its OS version."""

    platform: Platform
    version_source: VersionSource = VersionSource.CONFIG


def parse_config(body: bytes) -> ConfigPlatform:
    """Return the platform of an image config. Raises DocumentError.

    For a Windows config without `os.version`, the build is taken from the history: base layers of
    Microsoft are recorded as `Apply image 10.0.26100.33438`.
    """
    try:
        config = parse_object(body)
    except JsonError as error:
        raise DocumentError(f"its config cannot be read: {error}") from error
    platform = read_platform(config)
    if platform.os == "windows" and not platform.os_version:
        history = config.get("history")
        first = history[0] if isinstance(history, list) and history else None
        step = text_at(first, "created_by") if isinstance(first, dict) else ""
        if match := _BASE_LAYER.match(step):
            return ConfigPlatform(replace(platform, os_version=match[1]), VersionSource.HISTORY)
    return ConfigPlatform(platform)


def read_platform(value: JsonObject) -> Platform:
    """Read the platform of an index row or a config. Raises DocumentError.

    `os.version` is kept for Windows only, as Linux nodes ignore it.
    """
    system, architecture = _word(value, "os"), _word(value, "architecture")
    if not system or not architecture:
        missing = "operating system" if not system else "architecture"
        raise DocumentError(f"it has no {missing}")
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
    """Return what a manifest contains, with an article; "" for an image.

    Args:
        declared: The `artifactType`; nodes run an image with it if config and layers are those of
            an image.
        config_type: Media type of the config.
        layer_types: Media type of each layer, or "". Old signatures have the config of an image,
            but no layer of one.
    """
    has_layers = any(media_type.startswith(_LAYER_PREFIXES) for media_type in layer_types)
    has_other = bool(layer_types) and all(layer_types) and not has_layers
    if config_type in ("", *_CONFIG_TYPES) and (has_layers or not (declared or has_other)):
        return ""
    types = (declared, config_type, *layer_types)
    for word, name in _ARTIFACT_NAMES:
        if any(word in media_type.lower() for media_type in types):
            return name
    return f"an artifact of type {show_type(next(filter(None, types)))}"


def show_type(media_type: str) -> str:
    """Prepare a media type for a message."""
    return shorten(printable(media_type), _MAX_SHOWN)


_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


def is_digest(text: str) -> bool:
    """Whether the text is a digest of a registered algorithm."""
    return _DIGEST.fullmatch(text) is not None


def digest_of(body: bytes) -> str:
    """Return the sha256 digest of content."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def matches(body: bytes, digest: str, size: int | None = None) -> bool:
    """Whether content has a digest and, unless None, a size in bytes."""
    algorithm, _, expected = digest.partition(":")
    if not is_digest(digest) or size not in (None, len(body)):
        return False
    return hashlib.new(algorithm, body).hexdigest() == expected
