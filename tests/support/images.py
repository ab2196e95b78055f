"""Images as registries hold them: configs, manifests and index rows, as plain JSON values."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.images.platforms import Platform

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest"}


@dataclass(frozen=True)
class Pushed:
    """What an index row says of a manifest that was pushed."""

    digest: str
    size: int
    media_type: str


def config_of(platform: Platform | None, **more: Any) -> dict[str, Any]:
    """An image config without layers."""
    says = platform_of(platform) if platform else {}
    return {**says, "rootfs": {"type": "layers", "diff_ids": []}, "config": {}, **more}


def manifest_of(config: bytes, *, docker: bool = False, **more: Any) -> dict[str, Any]:
    """The manifest of an image whose config is given, without layers."""
    return {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
        "config": {
            "mediaType": DOCKER_CONFIG if docker else OCI_CONFIG,
            "digest": digest_of(config),
            "size": len(config),
        },
        "layers": [],
        **more,
    }


def row_of(pushed: Pushed, platform: Platform | None = None, **more: Any) -> dict[str, Any]:
    """An index row; without a platform where there is none."""
    row: dict[str, Any] = {
        "mediaType": pushed.media_type,
        "digest": pushed.digest,
        "size": pushed.size,
    }
    return {**row, **({"platform": platform_of(platform)} if platform else {}), **more}


def platform_of(platform: Platform) -> Mapping[str, Any]:
    """A platform as OCI writes it, nothing empty in it."""
    says = {
        "os": platform.os,
        "architecture": platform.architecture,
        "variant": platform.variant,
        "os.version": platform.os_version,
        "os.features": list(platform.os_features),
    }
    return {name: value for name, value in says.items() if value}


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
