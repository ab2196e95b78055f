"""`CachingInspector`: asks a registry only for what the cache does not know well enough.

A digest's answer holds for ever. A tag's holds for `max_age`; then its digest alone is asked for (a
HEAD request, which Docker Hub does not count as a pull) and the answer is kept if it is unchanged.
That an image does not exist holds for a minute. No other failure is kept; where a registry cannot
be reached, an answer of the last week is used and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
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
_WORKERS: Final = 16

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
    """An inspector that can also tell an image's digest for less than its platforms."""

    def digest_of(self, reference: ImageReference) -> str | UnknownPlatforms:
        """The digest that the reference names now. Called from many threads; never raises."""
        ...


def default_max_age(environment: Mapping[str, str]) -> float:
    """How long a tag's answer holds, in seconds: a day, an hour where CI is set."""
    in_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return MAX_AGE_IN_CI if in_ci else MAX_AGE


class CachingInspector:
    """Answers from the cache, and keeps there what `origin` answers.

    origin: None is offline: the cache alone, answers of any age, noted as old. max_age: how long a
    tag's answer holds, in seconds.
    """

    def __init__(
        self,
        origin: Origin | None,
        cache: Cache,
        *,
        max_age: float = MAX_AGE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._origin = origin
        self._cache = cache
        self._max_age = max_age
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
        steps = _Steps(progress, len(entries), len(answers))
        answers.update(self._confirmed(self._origin, entries, answers.keys(), steps))
        if rest := tuple(image for image in entries if image not in answers):
            found = self._origin.inspect(rest, steps.within)
            answers.update(
                (image, self._kept(image, entries[image], found[image])) for image in rest
            )
            self._cache.tidy()
        return {image: answers[image] for image in entries}

    def _is_fresh(self, image: ImageReference, entry: Entry) -> bool:
        if isinstance(entry.answer, UnknownPlatforms):
            return 0 <= self._age(entry) < NOT_FOUND_AGE
        return bool(image.digest) or 0 <= self._age(entry) < self._max_age

    def _confirmed(
        self,
        origin: Origin,
        entries: Mapping[ImageReference, Entry | None],
        fresh: Collection[ImageReference],
        steps: _Steps,
    ) -> Iterator[tuple[ImageReference, Platforms]]:
        """The old answers whose digest the registry still gives. Any other reply proves nothing:
        registries exist that refuse HEAD or answer it wrongly, so a GET has the last word.
        """
        doubtful = [
            (image, entry.answer)
            for image, entry in entries.items()
            if entry and image not in fresh and isinstance(entry.answer, KnownPlatforms)
        ]
        if not doubtful:
            return
        pool = ThreadPoolExecutor(min(_WORKERS, len(doubtful)), "podfit-digest")
        try:
            digests = pool.map(origin.digest_of, [image for image, _ in doubtful])
            for (image, answer), digest in zip(doubtful, digests, strict=True):
                if digest == answer.digest:
                    self._cache.keep_answer(image, answer)
                    steps.one()
                    yield image, answer
        finally:
            pool.shutdown(cancel_futures=True)

    def _kept(self, image: ImageReference, entry: Entry | None, answer: Platforms) -> Platforms:
        if isinstance(answer, KnownPlatforms) or answer.reason is UnknownReason.NOT_FOUND:
            self._cache.keep_answer(image, answer)
        elif (
            answer.reason in _OUTAGES
            and entry
            and isinstance(entry.answer, KnownPlatforms)
            and self._age(entry) <= MAX_STALE
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


class _Steps:
    def __init__(self, progress: Progress, total: int, done: int) -> None:
        self._progress = progress
        self._total = total
        self._done = done
        progress(done, total)

    def one(self) -> None:
        self._done += 1
        self._progress(self._done, self._total)

    def within(self, done: int, _total: int) -> None:
        self._progress(self._done + done, self._total)


def _in_words(seconds: float) -> str:
    for size, name in ((DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "a moment"
