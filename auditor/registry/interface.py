"""Interfaces of the registry package: `Inspector`, `Blobs`, failures and warnings.

Messages about a whole host (unreachable, rate limited, TLS) do not name the image, so that all
images of the host share one answer and a report shows it once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from msgspec import Struct

from auditor.errors import printable, shorten
from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.images.platforms import Platform

Progress = Callable[[int, int], None]
"""Called with (done, total) as answers come in, from any thread."""


def no_progress(done: int, total: int) -> None:
    """A `Progress` that shows nothing."""


class Inspector(Protocol):
    """Looks up the platforms of images. Caches and lock files implement it too."""

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        """Return an answer for every image, looking each up once. Never raises for one image."""
        ...


class Blobs(Protocol):
    """A content store, keyed by digest and used from many threads.

    Stored content does not prove that a repository still has it. `get` may return bytes that do not
    match the digest: callers verify them. Neither method raises.
    """

    def get(self, digest: str) -> bytes | None: ...

    def put(self, digest: str, content: bytes) -> None: ...


MAX_EXCERPT: int = 200
"""Characters shown of text that came from a registry."""


class RegistryFailure(Exception):
    """A failure that leaves the platforms of an image unknown."""

    def __init__(self, reason: UnknownReason, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.answer = UnknownPlatforms(reason, message, hint)

    @classmethod
    def of(cls, answer: UnknownPlatforms) -> RegistryFailure:
        return RegistryFailure(answer.reason, answer.message, answer.hint)


class Missing(RegistryFailure):
    """The requested content does not exist (404)."""


def excerpt(text: str) -> str:
    """Prepare text from a registry for a message: one printable line of at most 200 characters."""
    return shorten(printable(" ".join(text[: 4 * MAX_EXCERPT].split())), MAX_EXCERPT)


class Remarks:
    """Warnings about registries, each shown once for all images it concerns. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_topic: dict[str, str] = {}

    def add(self, text: str, topic: str = "") -> None:
        """Add a warning. It replaces an earlier one with the same topic."""
        with self._lock:
            self._by_topic[topic or text] = text

    def all(self) -> tuple[str, ...]:
        """Return the warnings, sorted so that the order does not depend on threads."""
        with self._lock:
            return tuple(sorted(self._by_topic.values()))


Lookup = Callable[[ImageReference], Platforms | None]
"""Returns an answer that needs no network, or None to try the next source."""


class ChainInspector(Struct, frozen=True):
    """Answers from the first lookup that has the image, else from `last`.

    `last` is None if the lookups cover every image.
    """

    lookups: Sequence[Lookup]
    last: Inspector | None

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        answers: dict[ImageReference, Platforms | None] = {}
        for image in images:
            answers[image] = self._look_up(image)
        rest = tuple(image for image, answer in answers.items() if answer is None)
        done, total = len(answers) - len(rest), len(answers)
        progress(done, total)
        found: Mapping[ImageReference, Platforms] = {}
        if rest and self.last:
            found = self.last.inspect(rest, lambda more, _: progress(done + more, total))
        return {image: answer or found[image] for image, answer in answers.items()}

    def _look_up(self, image: ImageReference) -> Platforms | None:
        found = (lookup(image) for lookup in self.lookups)
        return next((answer for answer in found if answer is not None), None)


class Overrides(Struct, frozen=True):
    """A lookup for images that podfit cannot reach: platforms from the user's configuration.

    `entries` are globs of names (`ImageReference.names`) with platforms; the first match applies.
    """

    entries: tuple[tuple[str, tuple[Platform, ...]], ...]

    def __call__(self, image: ImageReference) -> KnownPlatforms | None:
        for glob, platforms in self.entries:
            if any(fnmatchcase(name, glob) for name in image.names):
                return KnownPlatforms(platforms, "index", image.digest, "override")
        return None
