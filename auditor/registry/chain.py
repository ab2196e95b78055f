"""`ChainInspector`: who is asked for an image, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from auditor.images import ImageReference, KnownPlatforms, Platforms
from auditor.platforms import Platform
from auditor.registry.interface import Inspector, Progress, no_progress

Lookup = Callable[[ImageReference], Platforms | None]
"""An answer that needs no network, or None: ask the next."""


@dataclass(frozen=True, slots=True)
class ChainInspector:
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


@dataclass(frozen=True, slots=True)
class Overrides:
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
