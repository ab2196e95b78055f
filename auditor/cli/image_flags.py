"""Options about who is asked for the platforms of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True)
class ImageFlags:
    """Who is asked for the platforms of images."""

    offline: Annotated[
        bool,
        typer.Option(
            "--offline", envvar="PODFIT_OFFLINE", help="Use the cache and the lock file alone."
        ),
    ] = False
    locked: Annotated[
        bool,
        typer.Option("--locked", envvar="PODFIT_LOCKED", help="Use the lock file alone."),
    ] = False
    lock_file: Annotated[
        Path | None,
        typer.Option(
            "--lock-file",
            metavar="FILE",
            envvar="PODFIT_LOCK_FILE",
            help="The lock file.",
            show_default="podfit.lock.json beside the SOURCE or above it",
        ),
    ] = None
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            "--cache-dir", metavar="DIR", envvar="PODFIT_CACHE_DIR", help="Where answers are kept."
        ),
    ] = None
    max_age: Annotated[
        float | None,
        typer.Option(
            "--max-age",
            metavar="SECONDS",
            min=0,
            envvar="PODFIT_MAX_AGE",
            help="How long the cache's answer about a tag holds.",
            show_default="a day; an hour where CI is set",
        ),
    ] = None
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            envvar="PODFIT_REFRESH",
            help="Ask the registries for every tag, whatever the cache holds.",
        ),
    ] = False
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=1,
            envvar="PODFIT_TIMEOUT",
            help="The most that asking registries may take altogether.",
        ),
    ] = 300.0
    image_source: Annotated[
        list[str],
        typer.Option(
            "--image-source",
            metavar="[NAME=]SCHEME:PATH",
            envvar="PODFIT_IMAGE_SOURCE",
            help="Images on disk that go before lock file and registries: oci:FOLDER, "
            "oci-archive:FILE or docker-archive:FILE; repeatable.",
        ),
    ] = field(default_factory=list)
    allow_registry: Annotated[
        list[str],
        typer.Option(
            "--allow-registry",
            metavar="GLOB",
            envvar="PODFIT_ALLOW_REGISTRY",
            help="Ask this registry, or host/repository, and no other; repeatable.",
        ),
    ] = field(default_factory=list)
    insecure_registry: Annotated[
        list[str],
        typer.Option(
            "--insecure-registry",
            metavar="HOST",
            envvar="PODFIT_INSECURE_REGISTRY",
            help="Check no certificate of this registry, and do without TLS where it has none; "
            "repeatable.",
        ),
    ] = field(default_factory=list)
    registry_config: Annotated[
        list[Path],
        typer.Option(
            "--registry-config",
            metavar="FILE|DIR",
            envvar="PODFIT_REGISTRY_CONFIG",
            help="Mirrors and certificates as containerd (certs.d), Podman (registries.conf) or "
            "Docker (daemon.json) know them; repeatable.",
        ),
    ] = field(default_factory=list)
    verify_children: Annotated[
        bool,
        typer.Option(
            "--verify-children",
            envvar="PODFIT_VERIFY_CHILDREN",
            help="Ask whether every manifest that an index lists is there. Slower; no cache.",
        ),
    ] = False
