"""Inspectors that answer what they can and leave the rest to the next one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from auditor.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.platforms import Platform
from auditor.registry.interface import Inspector, Progress, no_progress

Lookup = Callable[[ImageReference], Platforms | None]
"""An answer that needs no network, or None: ask the next."""


@dataclass(frozen=True, slots=True)
class RefusingInspector:
    """The end of a chain that may go no further: every image is unknown for the same reason.

    message: with `{image}` where the image's name goes.
    """

    reason: UnknownReason
    message: str
    hint: str = ""

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        progress(len(images), len(images))
        return {image: self._refusal(image) for image in images}

    def _refusal(self, image: ImageReference) -> UnknownPlatforms:
        message = self.message.format(image=image.familiar)
        return UnknownPlatforms(self.reason, message, self.hint)


@dataclass(frozen=True, slots=True)
class ChainInspector:
    """Answers from lookups, the first that knows an image; asks `last` for what none knows."""

    lookups: tuple[Lookup, ...]
    last: Inspector

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        answers: dict[ImageReference, Platforms] = {}
        wanted = tuple(dict.fromkeys(images))
        for image in wanted:
            if (answer := self._look_up(image)) is not None:
                answers[image] = answer
        rest = tuple(image for image in wanted if image not in answers)
        done = len(answers)
        progress(done, len(wanted))
        if rest:
            step: Progress = lambda more, _: progress(done + more, len(wanted))  # noqa: E731
            answers.update(self.last.inspect(rest, step))
        return {image: answers[image] for image in wanted}

    def _look_up(self, image: ImageReference) -> Platforms | None:
        for lookup in self.lookups:
            if (answer := lookup(image)) is not None:
                return answer
        return None


@dataclass(frozen=True, slots=True)
class Overrides:
    """A lookup: platforms that the user states for images that nobody can reach.

    entries: globs of canonical or familiar names with the platforms; the first that matches counts.
    """

    entries: tuple[tuple[str, tuple[Platform, ...]], ...]

    def __call__(self, image: ImageReference) -> KnownPlatforms | None:
        for glob, platforms in self.entries:
            if fnmatchcase(str(image), glob) or fnmatchcase(image.familiar, glob):
                return KnownPlatforms(platforms, "index", image.digest, "override")
        return None
