"""How registries are asked: limits, hosts, time. All that a user or a test may set."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

NO_HOSTS: Final[Mapping[str, HostOptions]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What the user says of one registry host. Being listed at all allows a private address.

    insecure: `http` speaks no TLS, `skip-verify` does not check the certificate. ca: a PEM file
    trusted beside the system's. client_certificate, client_key: PEM files for mutual TLS.
    trusted_realms: hosts, or `host:port`, that are its token service and may see its credentials.
    """

    insecure: Literal["", "http", "skip-verify"] = ""
    ca: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    trusted_realms: frozenset[str] = frozenset()


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


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """Times are in seconds.

    hosts: by `host[:port]` as references spell it. allowed: globs of `host/repository`; none means
    all. verify_children: also ask whether the manifest of every index row is there.
    """

    hosts: Mapping[str, HostOptions] = field(default_factory=lambda: NO_HOSTS)
    allowed: tuple[str, ...] = ()
    verify_children: bool = False
    workers: int = 16
    workers_per_host: int = 8
    workers_docker_hub: int = 4
    connect_timeout: float = 5
    read_timeout: float = 15
    image_timeout: float = 45
    run_timeout: float = 300
    retries: int = 3
    longest_retry_after: float = 20
    clock: Clock = field(default_factory=Clock)
