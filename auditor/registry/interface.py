"""What the audit needs of the registry side: an `Inspector`.

Why a registry could not answer, and what else to say of it, in the words of the user's world.

What concerns a whole host (unreachable, rate limited, TLS) is worded without the image's name: all
its images get the same answer, and a report shows it once.
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
    """Answers which platforms images support. Caches and lock files are inspectors too."""

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        """An answer for every image asked for, each asked once. Never raises for one image."""
        ...


class Blobs(Protocol):
    """Content by digest: what a registry once served and its digest proves.

    It never proves that a repository still holds the content. Called from many threads. `get` may
    return bytes that do not match: whoever asks hashes them. Neither call raises.
    """

    def get(self, digest: str) -> bytes | None: ...

    def put(self, digest: str, content: bytes) -> None: ...


MAX_FOREIGN: int = 200
"""Characters shown of anything a registry wrote."""


class RegistryFailure(Exception):
    """An answer that ends the work on an image: nobody can tell its platforms."""

    def __init__(self, reason: UnknownReason, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.answer = UnknownPlatforms(reason, message, hint)

    @classmethod
    def of(cls, answer: UnknownPlatforms) -> RegistryFailure:
        return RegistryFailure(answer.reason, answer.message, answer.hint)


class Missing(RegistryFailure):
    """What was asked for is not there (404)."""


def foreign(text: str) -> str:
    """A registry's text for a message: one line, nothing unprintable, at most 200 characters."""
    return shorten(printable(" ".join(text[: 4 * MAX_FOREIGN].split())), MAX_FOREIGN)


class Remarks:
    """What a user should hear about the registries, said once however many images it concerns.

    Added to from many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_topic: dict[str, str] = {}

    def add(self, text: str, topic: str = "") -> None:
        """topic: a later remark on the same one takes the place of the earlier."""
        with self._lock:
            self._by_topic[topic or text] = text

    def all(self) -> tuple[str, ...]:
        """Sorted, so that threads do not show."""
        with self._lock:
            return tuple(sorted(self._by_topic.values()))


Lookup = Callable[[ImageReference], Platforms | None]
"""An answer that needs no network, or None: ask the next."""


class ChainInspector(Struct, frozen=True):
    """Answers from lookups, the first that knows an image; asks `last` for what none knows.

    last: None where one of the lookups knows every image.
    """

    lookups: Sequence[Lookup]
    last: Inspector | None

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        answers = {image: self._look_up(image) for image in images}
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
    """A lookup: platforms that the user states for images that nobody can reach.

    entries: globs of names (`ImageReference.names`) with the platforms; the first that matches
    counts.
    """

    entries: tuple[tuple[str, tuple[Platform, ...]], ...]

    def __call__(self, image: ImageReference) -> KnownPlatforms | None:
        for glob, platforms in self.entries:
            if any(fnmatchcase(name, glob) for name in image.names):
                return KnownPlatforms(platforms, "index", image.digest, "override")
        return None
