"""Image references, and the platforms an image supports."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from msgspec import Struct

from auditor.images.platforms import Platform


class ImageReference(Struct, frozen=True, order=True):
    """A canonical reference, `registry/repository[:tag][@digest]`, with all defaults explicit.

    With a tag and a digest, the digest is pulled (distribution/reference `ParseDockerRef`).

    Attributes:
        registry: `host[:port]`; `docker.io` for Docker Hub.
        repository: With `library/` for official images.
        tag: "" only if there is a digest.
        digest: `algorithm:hexadecimal`, or "".
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
        """The short form: without `docker.io/` and `library/` if that has the same meaning."""
        account, slash, name = self.repository.partition("/")
        if self.registry != "docker.io" or account == "localhost" or "." in account:
            return str(self)
        rest = str(self).removeprefix("docker.io/")
        official = account == "library" and slash and "/" not in name
        return rest.removeprefix("library/") if official else rest

    @property
    def names(self) -> tuple[str, ...]:
        """All spellings: full and short, with and without tag and digest."""
        bare = ImageReference(self.registry, self.repository)
        return str(self), self.familiar, str(bare), bare.familiar


class UnknownReason(Enum):
    """Why the platforms of an image are unknown. Values are used in JSON."""

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
    """Source of the OS version of a Windows image whose index row does not have it."""

    CONFIG = "config"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class KnownPlatforms:
    """The platforms that an image supports; an index of attestations only has none.

    Attributes:
        platforms: The rows of an index in order, without attestations and exact duplicates, or the
            platform in the config of a single manifest.
        kind: Nodes of any platform pull a "manifest", and its containers fail to start; an "index"
            without a matching row fails the pull.
        digest: Of the index or manifest that the reference names.
        source: "registry", "cache", "lock file" or similar.
        notes: Problems with the documents, one sentence each.
        completed: Platforms whose OS version is missing from the index row or config, with its
            source. containerd matches such a row with every Windows build.
        dangling: Platforms of rows whose manifest does not exist, so that the pull fails; not in
            `platforms`.
        rows: Digests of the manifests that an index lists, including nested ones; empty if read
            from a lock file.
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
    """The platforms are unknown. `message` is one sentence; `hint` says what to do, or is ""."""

    reason: UnknownReason
    message: str
    hint: str = ""


Platforms = KnownPlatforms | UnknownPlatforms
