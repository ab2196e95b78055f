"""`CachingInspector`: asks a registry only for what the cache does not know well enough.

A digest's answer holds for ever. A tag's holds for `max_age`; then its digest alone is asked for (a
HEAD request, which Docker Hub does not count as a pull) and the answer holds on if it is the same.
That an image does not exist holds for a minute. No other failure is kept; where a registry cannot
be reached, an answer of the last week is used and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final, Protocol

from auditor.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.registry.cache import Cache, Entry
from auditor.registry.interface import Inspector, Progress, no_progress

DAY: Final = 86_400
MAX_AGE: Final = DAY
MAX_AGE_IN_CI: Final = 3600
MAX_STALE: Final = 7 * DAY
NOT_FOUND_AGE: Final = 60

_OUTAGES: Final = frozenset(
    {
        UnknownReason.AUTHENTICATION_FAILED,
        UnknownReason.FAILED,
        UnknownReason.RATE_LIMITED,
        UnknownReason.TLS,
        UnknownReason.UNREACHABLE,
    }
)
"""Nothing was learnt about the image. A refusal by policy is none: it must not be got round."""


class Origin(Inspector, Protocol):
    """An inspector that can also tell digests, for less than platforms cost."""

    def digests(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, str | UnknownPlatforms]:
        """The digest that each reference names now. Never raises for one image."""
        ...


def default_max_age(environment: Mapping[str, str]) -> float:
    """How long a tag's answer holds, in seconds: a day, an hour where CI is set."""
    in_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return MAX_AGE_IN_CI if in_ci else MAX_AGE


class CachingInspector:
    """Answers from the cache, and keeps there what `origin` answers.

    origin: None is offline: the cache alone, answers of any age, noted as old. max_age: how long a
    tag's answer holds, in seconds; 0 asks for every tag. max_stale: how old an answer may be that
    stands in for a registry that cannot be reached; 0 takes none.
    """

    def __init__(
        self,
        origin: Origin | None,
        cache: Cache,
        *,
        max_age: float = MAX_AGE,
        max_stale: float = MAX_STALE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._origin = origin
        self._cache = cache
        self._max_age = max_age
        self._max_stale = max_stale
        self._clock = clock

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        """An answer for every image. What is fresh in the cache costs no request at all."""
        entries = {image: self._cache.answer_of(image) for image in images}
        if self._origin is None:
            progress(len(entries), len(entries))
            return {image: self._offline(image, entry) for image, entry in entries.items()}
        answers = {
            image: entry.answer
            for image, entry in entries.items()
            if entry and self._is_fresh(image, entry)
        }
        progress = _never_back(progress)
        progress(len(answers), len(entries))
        answers.update(self._confirmed(self._origin, entries, answers, progress))
        if rest := tuple(image for image in entries if image not in answers):
            step = _after(len(answers), len(entries), progress)
            for image, answer in self._origin.inspect(rest, step).items():
                answers[image] = self._kept(image, entries[image], answer)
            self._cache.tidy()
        return {image: answers[image] for image in entries}

    def _is_fresh(self, image: ImageReference, entry: Entry) -> bool:
        if isinstance(entry.answer, UnknownPlatforms):
            return 0 <= self._age(entry) < min(NOT_FOUND_AGE, self._max_age)
        return bool(image.digest) or 0 <= self._age(entry) < self._max_age

    def _confirmed(
        self,
        origin: Origin,
        entries: Mapping[ImageReference, Entry | None],
        fresh: Collection[ImageReference],
        progress: Progress,
    ) -> Mapping[ImageReference, Platforms]:
        old = {
            image: entry
            for image, entry in entries.items()
            if entry and image not in fresh and isinstance(entry.answer, KnownPlatforms)
        }
        if not old:
            return {}
        step = _after(len(fresh), len(entries), progress)
        answers: dict[ImageReference, Platforms] = {}
        for image, digest in origin.digests(tuple(old), step).items():
            answer = old[image].answer
            if isinstance(digest, UnknownPlatforms):
                answers[image] = self._kept(image, old[image], digest)
            elif isinstance(answer, KnownPlatforms) and answer.digest == digest:
                answers[image] = self._kept(image, old[image], answer)
        return answers

    def _kept(self, image: ImageReference, entry: Entry | None, answer: Platforms) -> Platforms:
        if isinstance(answer, KnownPlatforms) or answer.reason is UnknownReason.NOT_FOUND:
            self._cache.keep_answer(image, answer)
        elif (
            answer.reason in _OUTAGES
            and entry
            and isinstance(entry.answer, KnownPlatforms)
            and 0 < self._max_stale >= self._age(entry)
        ):
            return self._noted(entry, entry.answer, answer.message)
        return answer

    def _offline(self, image: ImageReference, entry: Entry | None) -> Platforms:
        if entry is None or isinstance(entry.answer, UnknownPlatforms):
            return UnknownPlatforms(
                UnknownReason.OFFLINE,
                f"{image.familiar} is not in the cache, and podfit works offline",
                "run once without --offline, or write a lock file with `podfit lock`",
            )
        if self._is_fresh(image, entry):
            return entry.answer
        return self._noted(entry, entry.answer, "podfit works offline")

    def _noted(self, entry: Entry, answer: KnownPlatforms, why: str) -> KnownPlatforms:
        note = f"the answer is {_in_words(self._age(entry))} old: {why}"
        return replace(answer, notes=(*answer.notes, note))

    def _age(self, entry: Entry) -> float:
        return self._clock() - entry.checked_at


def _after(done: int, total: int, progress: Progress) -> Progress:
    """The progress of a part of the images, of which so many are done before."""
    return lambda more, _: progress(done + more, total)


def _never_back(progress: Progress) -> Progress:
    """An image whose digest has moved is asked for twice and counted once."""
    most = 0

    def step(done: int, total: int) -> None:
        nonlocal most
        most = max(most, done)
        progress(most, total)

    return step


def _in_words(seconds: float) -> str:
    for size, name in ((DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "a moment"
