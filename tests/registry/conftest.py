"""What the registry tests share: inspectors that never wait, servers that misbehave."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from auditor.images.images import ImageReference, KnownPlatforms, Platforms, UnknownPlatforms
from auditor.registry.auth.credentials import Credential, Keychain, Lookup
from auditor.registry.client import RegistryInspector
from auditor.registry.interface import Blobs
from auditor.registry.network.transport import Sent
from auditor.registry.options import Clock, RegistryOptions
from tests.support.faults import FaultServer, run_server


@dataclass
class FakeClock(Clock):
    """Time that passes only when somebody waits. pauses: how long each wait was."""

    time: float = 1000.0
    pauses: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return 1_800_000_000.0 + self.time

    def pause(self, seconds: float, cancelled: threading.Event) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    def jitter(self, most: float) -> float:
        return most


@dataclass
class Logins:
    """A keychain in memory: by registry."""

    credentials: Mapping[str, Credential] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def find(self, registry: str, repository: str) -> Lookup:
        return Lookup(self.credentials.get(registry), ("~/.docker/config.json",), self.problems)


@dataclass
class MemoryBlobs:
    kept: dict[str, bytes] = field(default_factory=dict)

    def get(self, digest: str) -> bytes | None:
        return self.kept.get(digest)

    def put(self, digest: str, content: bytes) -> None:
        self.kept[digest] = content


@dataclass
class Asker:
    """An inspector for one test. sent: every request that was answered."""

    inspector: RegistryInspector
    clock: FakeClock
    sent: list[Sent]

    def ask(self, reference: ImageReference) -> Platforms:
        return self.inspector.inspect([reference])[reference]

    def known(self, reference: ImageReference) -> KnownPlatforms:
        answer = self.ask(reference)
        assert isinstance(answer, KnownPlatforms), answer
        return answer

    def unknown(self, reference: ImageReference) -> UnknownPlatforms:
        answer = self.ask(reference)
        assert isinstance(answer, UnknownPlatforms), answer
        return answer

    def digest(self, reference: ImageReference) -> str | UnknownPlatforms:
        return self.inspector.digests([reference])[reference]

    @property
    def requests(self) -> list[str]:
        return [f"{sent.method} {sent.url.partition('/v2/')[2] or sent.url}" for sent in self.sent]


NewAsker = Callable[..., Asker]


@pytest.fixture
def new_asker() -> Iterator[NewAsker]:
    """Makes inspectors: `new_asker(keychain=..., blobs=..., hosts=..., any option=...)`."""
    with ExitStack() as stack:

        def make(
            *, keychain: Keychain | None = None, blobs: Blobs | None = None, **options: Any
        ) -> Asker:
            clock, sent = options.pop("clock", None) or FakeClock(), list[Sent]()
            inspector = RegistryInspector(
                RegistryOptions(clock=clock, **options),
                keychain=keychain,
                blobs=blobs,
                observer=sent.append,
            )
            return Asker(stack.enter_context(inspector), clock, sent)

        yield make


@pytest.fixture
def asker(new_asker: NewAsker) -> Asker:
    """An inspector with default options."""
    return new_asker()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with run_server() as running:
        yield running


@pytest.fixture
def other_server() -> Iterator[FaultServer]:
    """A second one: another port of the same machine is another origin."""
    with run_server() as running:
        yield running
