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
