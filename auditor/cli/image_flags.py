"""Options about who is asked for the platforms of images."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from auditor.cli.commands import option


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if 0 <= seconds < math.inf:
        return seconds
    raise typer.BadParameter(f"{text} is no number of seconds")


def _time_limit(text: str) -> float:
    seconds = _seconds(text)
    if seconds < 1:
        raise typer.BadParameter("nobody answers in less than 1 second")
    return seconds


@dataclass(frozen=True)
class CacheFlags:
    """Where answers are kept."""

    title: ClassVar[str] = "Images"

    cache_dir: Annotated[
        Path | None,
        option(
            "--cache-dir",
            metavar="DIR",
            help="Where answers are kept.",
            show_default="podfit in the user's cache folder",
        ),
    ] = None


@dataclass(frozen=True)
class ImageFlags(CacheFlags):
    """Who is asked for the platforms of images."""

    offline: Annotated[bool, option("--offline", help="Use the cache and the lock file alone.")] = (
        False
    )
    locked: Annotated[bool, option("--locked", help="Use the lock file alone.")] = False
    lock_file: Annotated[
        Path | None,
        option(
            "--lock-file",
            metavar="FILE",
            help="The lock file.",
            show_default="podfit.lock.json beside the SOURCE or above it",
        ),
    ] = None
    max_age: Annotated[
        float | None,
        option(
            "--max-age",
            metavar="SECONDS",
            parser=_seconds,
            help="How long the cache's answer about a tag holds.",
            show_default="a day; an hour where CI is set",
        ),
    ] = None
    refresh: Annotated[
        bool,
        option("--refresh", help="Ask the registries for every tag, whatever the cache holds."),
    ] = False
    timeout: Annotated[
        float,
        option(
            "--timeout",
            metavar="SECONDS",
            parser=_time_limit,
            help="The most that asking registries may take altogether.",
        ),
    ] = 300
    image_source: Annotated[
        list[str],
        option(
            "--image-source",
            metavar="[NAME=]SCHEME:PATH",
            help="Images on disk that go before lock file and registries: oci:FOLDER, "
            "oci-archive:FILE or docker-archive:FILE; repeatable.",
        ),
    ] = field(default_factory=list)
    allow_registry: Annotated[
        list[str],
        option(
            "--allow-registry",
            metavar="GLOB",
            help="Ask this registry, or host/repository, and no other; repeatable.",
        ),
    ] = field(default_factory=list)
    insecure_registry: Annotated[
        list[str],
        option(
            "--insecure-registry",
            metavar="HOST",
            help="Check no certificate of this registry, and do without TLS where it has none; "
            "repeatable.",
        ),
    ] = field(default_factory=list)
    registry_config: Annotated[
        list[Path],
        option(
            "--registry-config",
            metavar="FILE|DIR",
            help="Mirrors and certificates as containerd (certs.d), Podman (registries.conf) or "
            "Docker (daemon.json) know them; repeatable.",
        ),
    ] = field(default_factory=list)
    verify_children: Annotated[
        bool,
        option(
            "--verify-children",
            help="Ask for each manifest that an index lists. Slower; no cache.",
        ),
    ] = False
