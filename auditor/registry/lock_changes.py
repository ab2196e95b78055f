"""A lock file against what registries answer now: what has changed, and what to write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from auditor.images import ImageReference, KnownPlatforms, Platforms, UnknownPlatforms
from auditor.platforms import Platform, normalise
from auditor.registry.lock import LockFile, lock_entry


@dataclass(frozen=True, slots=True)
class Change:
    """An image that is not what it was when it was locked."""

    image: ImageReference
    locked: KnownPlatforms
    found: KnownPlatforms

    @property
    def moved(self) -> bool:
        """Whether the reference names other content now."""
        return self.locked.digest != self.found.digest

    @property
    def lost(self) -> tuple[Platform, ...]:
        """The locked platforms that are gone; another revision of a Windows build is no loss."""
        return _without(self.locked.platforms, self.found.platforms)

    @property
    def gained(self) -> tuple[Platform, ...]:
        """The platforms that are there and not locked."""
        return _without(self.found.platforms, self.locked.platforms)

    def __str__(self) -> str:
        return f"{self.image.familiar}: {'; '.join(self._clauses())}"

    def _clauses(self) -> Iterator[str]:
        if self.moved:
            yield f"digest moved from {self.locked.digest} to {self.found.digest}"
        else:
            yield "read differently from the same digest"
        if self.locked.kind != self.found.kind:
            yield f"kind {self.found.kind}, was {self.locked.kind}"
        for verb, platforms in (("lost", self.lost), ("gained", self.gained)):
            if platforms:
                yield f"platforms {verb}: {', '.join(map(str, platforms))}"


@dataclass(frozen=True, slots=True)
class LockComparison:
    """What a lock file says beside what was found, all by reference.

    added: used and not locked. dropped: locked and not used. unresolved: nobody could tell now.
    """

    changes: tuple[Change, ...] = ()
    added: tuple[ImageReference, ...] = ()
    dropped: tuple[ImageReference, ...] = ()
    unresolved: tuple[tuple[ImageReference, UnknownPlatforms], ...] = ()


def compare(lock: LockFile, answers: Mapping[ImageReference, Platforms]) -> LockComparison:
    """The lock file beside an answer for every image in use."""
    changes, added, unresolved = [], [], []
    for image, found in sorted(_lockable(answers), key=lambda item: item[0]):
        locked = lock.images.get(image)
        if isinstance(found, UnknownPlatforms):
            unresolved.append((image, found))
        elif locked is None:
            added.append(image)
        elif lock_entry(locked) != lock_entry(found):
            changes.append(Change(image, locked, found))
    dropped = sorted(set(lock.images) - {image for image, _ in _lockable(answers)})
    return LockComparison(tuple(changes), tuple(added), tuple(dropped), tuple(unresolved))


def pinned(lock: LockFile) -> dict[ImageReference, ImageReference]:
    """For each entry of a lock file, the reference that asks for its digest."""
    return {
        image: replace(image, tag="", digest=image.digest or known.digest)
        for image, known in lock.images.items()
    }


def disagreements(
    lock: LockFile, answers: Mapping[ImageReference, Platforms]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Entries that the registry contradicts, and entries that could not be verified.

    answers: for the references of `pinned`. Each entry is a sentence.
    """
    comparison = compare(lock, {image: answers[asked] for image, asked in pinned(lock).items()})
    unverified = [f"{image.familiar}: {found.message}" for image, found in comparison.unresolved]
    return tuple(map(str, comparison.changes)), tuple(unverified)


def update(lock: LockFile, answers: Mapping[ImageReference, Platforms]) -> LockFile:
    """The lock file to write: what was found for every image in use.

    What nobody could tell now stays as it was locked, if it was; `compare` reports it. What a user
    states without a digest (`Overrides`) is not locked: it stands in the configuration.
    """
    images = {}
    for image, found in _lockable(answers):
        entry = lock.images.get(image) if isinstance(found, UnknownPlatforms) else found
        if entry is not None:
            images[image] = entry
    return LockFile(images)


def _lockable(
    answers: Mapping[ImageReference, Platforms],
) -> Iterator[tuple[ImageReference, Platforms]]:
    for image, found in answers.items():
        if isinstance(found, UnknownPlatforms) or found.digest:
            yield image, found


def _without(platforms: tuple[Platform, ...], others: tuple[Platform, ...]) -> tuple[Platform, ...]:
    there = {_comparable(platform) for platform in others}
    return tuple(platform for platform in platforms if _comparable(platform) not in there)


def _comparable(platform: Platform) -> Platform:
    return replace(normalise(platform), os_version=platform.windows_build)
