"""What the audit needs of the registry side: an `Inspector`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from auditor.images import ImageReference, Platforms

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
