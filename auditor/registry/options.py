"""Settings for registry access: hosts, mirrors, limits, timeouts and the clock."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import msgspec
from msgspec import Struct

from auditor.files.addresses import origin_of

Insecure = Literal["", "http", "skip-verify", "any"]
NO_HOSTS: Final[Mapping[str, HostOptions]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HostOptions:
    """Settings for one registry host. Any entry for a host allows it to have a private address.

    Attributes:
        insecure: `http` uses plain HTTP, `skip-verify` does not check the certificate. `any` is the
            `insecure` of Docker and Podman: `skip-verify`, then plain HTTP if the host has no TLS.
        cas: PEM files of CAs, in addition to those of the system.
        client_certificate: PEM file for mutual TLS.
        client_key: PEM file of its key.
        trusted_realms: `host` or `host:port` of token services that may receive the credentials.
        headers: Sent only to this host, as they may be secret.
    """

    insecure: Insecure = ""
    cas: tuple[Path, ...] = ()
    client_certificate: Path | None = None
    client_key: Path | None = None
    trusted_realms: frozenset[str] = frozenset()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class Place(Struct, frozen=True):
    """A registry host, and the path below which it serves images.

    Attributes:
        host: `host[:port]`, as in references and credentials.
        path: Prefix of repository names: "" or `a/b`.
        root: Path of the API.
        options: Settings of the host; None for its entry in `RegistryOptions.hosts`.
        pulls: Requests the host is used for; a mirror that stores content by digest has no tags.
    """

    host: str
    path: str = ""
    root: str = "/v2"
    options: HostOptions | None = None
    pulls: Literal["all", "tag", "digest"] = "all"


def place_of(text: str) -> Place:
    """Parse `host[:port][/path]`. Raises ValueError with a clause for the user."""
    host, _, path = text.strip().partition("/")
    if "://" in text:
        raise ValueError("an address with a scheme; write host or host/path")
    origin_of(f"https://{host}")
    return Place(host, path.strip("/"))


class Namespace(Struct, frozen=True):
    """Mirrors and upstream location of the images below a prefix.

    The longest matching prefix applies; of equal ones, the first.

    Attributes:
        prefix: `host[:port][/path]`, `*.domain`, or "" for all images.
        mirrors: Tried in this order, before the registry.
        origin: The registry itself, if its location differs from its name.
        blocked: A clause that explains why the images must not be pulled, or "".
    """

    prefix: str
    mirrors: tuple[Place, ...] = ()
    origin: Place | None = None
    blocked: str = ""


class Clock:
    """The time source of the registry package; tests replace it to avoid waiting."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> float:
        """Return seconds since the epoch, to compare with dates in headers."""
        return time.time()

    def pause(self, seconds: float, cancelled: threading.Event) -> None:
        """Wait that many seconds, or until the run is cancelled."""
        cancelled.wait(seconds)

    def jitter(self, most: float) -> float:
        """Return a random part of a delay, so that clients do not retry at the same time."""
        return random.uniform(0, most)  # noqa: S311 - no secret


class RegistryOptions(Struct, frozen=True):
    """All settings for registry access. Times are in seconds.

    Attributes:
        hosts: By `host[:port]`, as in references.
        insecure_ranges: Networks such as `10.0.0.0/8` whose hosts are treated as insecure `any`.
        namespaces: Mirrors, and registries at another location than their name.
        allowed: Globs of `host/repository`; empty allows all.
        verify_children: Also check that the manifest of every index entry exists.
        mirror_timeout: Time after which a mirror is skipped.
    """

    hosts: Mapping[str, HostOptions] = msgspec.field(default_factory=lambda: NO_HOSTS)
    insecure_ranges: tuple[str, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    allowed: tuple[str, ...] = ()
    verify_children: bool = False
    workers: int = 16
    workers_per_host: int = 8
    workers_docker_hub: int = 4
    connect_timeout: float = 5
    read_timeout: float = 15
    image_timeout: float = 45
    mirror_timeout: float = 15
    run_timeout: float = 300
    retries: int = 3
    clock: Clock = msgspec.field(default_factory=Clock)


class TimeOver(Exception):
    """The deadline has passed, or the run was cancelled. The message is a clause."""


class Deadline(Struct, frozen=True):
    """A point in time after which a result is no longer needed.

    Attributes:
        moment: On the monotonic clock.
        why: A clause for the user, once the deadline has passed.
        cancelled: Set when the run is cancelled.
    """

    clock: Clock
    moment: float
    why: str
    cancelled: threading.Event

    def over(self) -> bool:
        return self.cancelled.is_set() or self.moment <= self.clock.monotonic()

    def left(self) -> float:
        """Return the remaining seconds, always more than 0. Raises TimeOver."""
        seconds = self.moment - self.clock.monotonic()
        if self.cancelled.is_set():
            raise TimeOver("the run was cancelled")
        if seconds <= 0:
            raise TimeOver(self.why)
        return seconds

    def pause(self, seconds: float) -> None:
        """Wait that many seconds. Raises TimeOver at once if that exceeds the remaining time."""
        if seconds >= self.left():
            raise TimeOver(self.why)
        self.clock.pause(seconds, self.cancelled)
        self.left()

    def within(self, seconds: float, why: str) -> Deadline:
        """Return a deadline that many seconds from now, or this one if it is earlier."""
        moment = self.clock.monotonic() + seconds
        return self if self.moment <= moment else Deadline(self.clock, moment, why, self.cancelled)
