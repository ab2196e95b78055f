"""Manifests that hold something other than an image, and what to call it.

OCI artifacts share the image manifest's shape (image-spec `manifest.md`, "guidelines for artifact
usage"); what they are stands in `artifactType`, in the config's media type, or only in the layers'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auditor.errors import printable, shorten

_CONFIG_TYPES: Final = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
_LAYER_PREFIXES: Final = (
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
)
_NAMES: Final = (
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
    for word, name in _NAMES:
        if any(word in media_type.lower() for media_type in types):
            return name
    return f"an artifact of type {show_type(next(filter(None, types)))}"


def show_type(media_type: str) -> str:
    """A foreign media type for a message."""
    return shorten(printable(media_type), _MAX_SHOWN)
