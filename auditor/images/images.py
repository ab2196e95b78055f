"""`ImageReference` and the two answers to "which platforms does it support?"."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from msgspec import Struct

from auditor.images.platforms import Platform


class ImageReference(Struct, frozen=True, order=True):
    """`registry/repository[:tag][@digest]`, canonical: nothing is implied any more.

    registry: host[:port], `docker.io` for Docker Hub. tag: "" only where there is a digest. With
    both, the digest decides what runs (distribution/reference `ParseDockerRef`).
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def familiar(self) -> str:
        """As people write it: without `docker.io/` and `library/` where that names the same."""
        account, slash, name = self.repository.partition("/")
        if self.registry != "docker.io" or account == "localhost" or "." in account:
            return str(self)
        rest = str(self).removeprefix("docker.io/")
        official = account == "library" and slash and "/" not in name
        return rest.removeprefix("library/") if official else rest

    @property
    def names(self) -> tuple[str, ...]:
        """The ways to write it: in full and short, with and without tag and digest."""
        bare = ImageReference(self.registry, self.repository)
        return str(self), self.familiar, str(bare), bare.familiar


class UnknownReason(Enum):
    """Why nobody could say which platforms an image supports. The value is used in JSON."""

    INVALID_REFERENCE = "invalid-reference"
    UNRESOLVED_TEMPLATE = "unresolved-template"
    NOT_FOUND = "not-found"
    NOT_FOUND_OR_DENIED = "not-found-or-denied"
    AUTHENTICATION_FAILED = "authentication-failed"
    RATE_LIMITED = "rate-limited"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    REFUSED = "refused"
    DIGEST_MISMATCH = "digest-mismatch"
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    NOT_AN_IMAGE = "not-an-image"
    SCHEMA_1 = "schema-1"
    NOT_LOCKED = "not-locked"
    OFFLINE = "offline"
    FAILED = "failed"


class VersionSource(Enum):
    """Where the OS version of a Windows image was found when its index row does not state it."""

    CONFIG = "config"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class KnownPlatforms:
    """What an image supports. Never empty by guess: an index of attestations has no platforms.

    platforms: an index's rows in their order without attestations and exact duplicates, or the one
    platform of a bare manifest's config. kind: a bare manifest is pulled by any node and fails when
    it starts; a row that is missing from an index fails the pull. digest: of the index or manifest
    that the reference names. source: who answered ("registry", "cache", "lock file"). notes: what
    was odd about the answer, a sentence each. completed: the platforms whose OS version is not
    stated where nodes look for it, with where it was found; containerd takes such a row of an index
    for every Windows build. dangling: the platforms of index rows whose manifest is missing, so
    that their pull fails; they are not among `platforms`. rows: the digests of the manifests that
    an index lists, nested ones included, where the answer still knows them; they follow from
    `digest`.
    """

    platforms: tuple[Platform, ...]
    kind: Literal["index", "manifest"]
    digest: str
    source: str = "registry"
    notes: tuple[str, ...] = ()
    completed: tuple[tuple[Platform, VersionSource], ...] = ()
    dangling: tuple[Platform, ...] = ()
    rows: tuple[str, ...] = field(default=(), compare=False)


class UnknownPlatforms(Struct, frozen=True):
    """Nobody could tell. message: one sentence for the user. hint: what to do about it, or ""."""

    reason: UnknownReason
    message: str
    hint: str = ""


Platforms = KnownPlatforms | UnknownPlatforms
