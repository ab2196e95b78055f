"""How registries are asked: limits, hosts, time. All that a user or a test may set.

Until when something is worth waiting for.
"""

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
    """What the user says of one registry host. Being listed at all allows a private address.

    insecure: `http` speaks no TLS, `skip-verify` does not check the certificate, `any` is what
    Docker and Podman mean by insecure: `skip-verify`, and where there is no TLS, `http`. cas: PEM
    files trusted beside the system's. client_certificate, client_key: PEM files for mutual TLS.
    trusted_realms: hosts, or `host:port`, that are its token service and may see its credentials.
    headers: sent with what is asked of it, and to nobody else, as they may be secrets.
    """

    insecure: Insecure = ""
    cas: tuple[Path, ...] = ()
    client_certificate: Path | None = None
    client_key: Path | None = None
    trusted_realms: frozenset[str] = frozenset()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class Place(Struct, frozen=True):
    """A host that holds images of a registry under a path of its own.

    host: `host[:port]`, as references and credentials name it. path: of repositories, "" or
    `a/b`. root: of the API. options: how to speak to it; None is what is said of the host. pulls:
    what it is asked for, as a mirror that holds content alone knows no tags.
    """

    host: str
    path: str = ""
    root: str = "/v2"
    options: HostOptions | None = None
    pulls: Literal["all", "tag", "digest"] = "all"


def place_of(text: str) -> Place:
    """The place that `host[:port][/path]` names. Raises ValueError with a clause for the user."""
    host, _, path = text.strip().partition("/")
    if "://" in text:
        raise ValueError("an address with a scheme, where host or host/path is wanted")
    origin_of(f"https://{host}")
    return Place(host, path.strip("/"))


class Namespace(Struct, frozen=True):
    """Where the images below a prefix are asked for.

    prefix: `host[:port][/path]`, `*.domain`, or "" for everything; the longest counts, and of two
    the first. mirrors: in their order, before the registry. origin: the registry itself, where
    it is not where its name says. blocked: why nothing is asked for at all, a clause, or "".
    """

    prefix: str
    mirrors: tuple[Place, ...] = ()
    origin: Place | None = None
    blocked: str = ""


class Clock:
    """Time as the registry side sees it. Tests replace it and never wait."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch, to read dates in headers."""
        return time.time()

    def pause(self, seconds: float, cancelled: threading.Event) -> None:
        """Waits that long, or until the run is cancelled."""
        cancelled.wait(seconds)

    def jitter(self, most: float) -> float:
        """A random part of a delay, so that many clients do not come back together."""
        return random.uniform(0, most)  # noqa: S311 - no secret


class RegistryOptions(Struct, frozen=True):
    """Times are in seconds.

    hosts: by `host[:port]` as references spell it. insecure_ranges: networks, as `10.0.0.0/8`,
    whose hosts are as insecure as `any`. namespaces: mirrors, and registries that moved. allowed:
    globs of `host/repository`; none means all. verify_children: also ask whether the manifest of
    every index row is there. mirror_timeout: after which a mirror is passed over.
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
    """The time for the work is used up, or the run was cancelled. The message is a clause."""


class Deadline(Struct, frozen=True):
    """moment: on the monotonic clock. why: a clause for the user once it has passed.

    cancelled: set when nobody wants the result any more.
    """

    clock: Clock
    moment: float
    why: str
    cancelled: threading.Event

    def over(self) -> bool:
        return self.cancelled.is_set() or self.moment <= self.clock.monotonic()

    def left(self) -> float:
        """Seconds, more than none. Raises TimeOver."""
        seconds = self.moment - self.clock.monotonic()
        if self.cancelled.is_set():
            raise TimeOver("the run was cancelled")
        if seconds <= 0:
            raise TimeOver(self.why)
        return seconds

    def pause(self, seconds: float) -> None:
        """Waits that long. Raises TimeOver at once where that is longer than there is time."""
        if seconds >= self.left():
            raise TimeOver(self.why)
        self.clock.pause(seconds, self.cancelled)
        self.left()

    def within(self, seconds: float, why: str) -> Deadline:
        """The same deadline, or an earlier one in so many seconds."""
        moment = self.clock.monotonic() + seconds
        return self if self.moment <= moment else Deadline(self.clock, moment, why, self.cancelled)
