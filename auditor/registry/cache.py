"""The cache on disk: content by digest, the last answer for each reference, charts.

    <root>/v1/blobs/<algorithm>/<hexadecimal>                    the bytes, hashed again when read
    <root>/v1/refs/<registry>/<repository>/<hash of ref>.json    the answer and when it was checked
    <root>/v1/charts/<hash of name>/<hexadecimal>.tgz            see `auditor/sources/fetching/`

Any number of threads and processes may use one root: a file appears whole under its name
(`os.replace`) or not at all, and whatever is damaged counts as absent. Nothing here raises for the
state of the disk; `notes` says what was odd.

`CachingInspector`: asks a registry only for what the cache does not know well enough.

A digest's answer holds for ever. A tag's holds for `max_age`; then its digest alone is asked for (a
HEAD request, which Docker Hub does not count as a pull) and the answer holds on if it is the same.
That an image does not exist holds for a minute. No other failure is kept; where a registry cannot
be reached, an answer of the last week is used and says so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from msgspec import Struct

from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.registry.content.documents import is_digest, matches
from auditor.registry.interface import Inspector, Progress, no_progress
from auditor.registry.json_text import JsonError, parse_object
from auditor.registry.storage import (
    PRIVATE,
    TEMPORARY,
    AnswerError,
    make_private_folder,
    read_answer,
    replace_file,
    write_answer,
)

MAX_BYTES: Final = 256 * 1024 * 1024
"""What `tidy` leaves at most: tens of thousands of images."""
MAX_FILE: Final = 8 * 1024 * 1024
CACHED: Final = "cache"
"""The source of an answer that comes from here."""

_VERSION: Final = "v1"
_CHARTS: Final = "charts"
_TIDY_EVERY: Final = 3600
_TOUCH_AFTER: Final = 3600
_ABANDONED: Final = 3600
_LAST_TIME: Final = 1e12
_FILE_NAME: Final = re.compile(r"[0-9a-f]{64,128}(\.json|\.tgz)?")


class Entry(Struct, frozen=True):
    """An answer and when a registry last gave or confirmed it, in seconds since the epoch."""

    answer: Platforms
    checked_at: float


class Usage(Struct, frozen=True):
    """So many files with so many bytes together."""

    files: int = 0
    bytes: int = 0


class _File(Struct, frozen=True):
    path: Path
    size: int
    used_at: float


def default_root(environment: Mapping[str, str]) -> Path:
    """PODFIT_CACHE_DIR, else the place for caches that the operating system names.

    A user without a home, as in some containers, has none: nothing can be written below it.
    """
    if chosen := environment.get("PODFIT_CACHE_DIR"):
        return Path(chosen)
    import platformdirs

    try:
        return platformdirs.user_cache_path("podfit", appauthor=False)
    except RuntimeError:
        return Path(os.devnull, "podfit")


def charts_folder(root: Path) -> Path:
    """Where the archives of charts from elsewhere are kept."""
    return root / _VERSION / _CHARTS


class Cache:
    """The cache under one root. It is a `Blobs`, so a registry inspector can keep content in it."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.root = root
        self._tree = root / _VERSION
        self._marker = self._tree / "pruned"
        self._clock = clock
        self._damaged: list[Path] = []
        self._refused: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd about the disk since this object was made: a sentence for each sort."""
        notes = []
        if self._damaged:
            notes.append(f"damaged files in the cache were removed: {len(self._damaged)}")
        if self._refused:
            notes.append(f"the cache at {self.root} cannot be written: {self._refused[0]}")
        return tuple(notes)

    def get(self, digest: str) -> bytes | None:
        """The content with this digest, proved by hashing it."""
        if not is_digest(digest):
            return None
        path = self._blob(digest)
        content = self._read(path)
        if content is None:
            return None
        if not matches(content, digest):
            self._discard(path)
            return None
        return content

    def put(self, digest: str, content: bytes) -> None:
        """Keeps content under a digest that the caller has verified."""
        if is_digest(digest) and len(content) <= MAX_FILE:
            self._write(self._blob(digest), content)

    def answer_of(self, reference: ImageReference) -> Entry | None:
        """The last answer kept for the reference, however old."""
        path = self._ref(reference)
        content = self._read(path)
        if content is None:
            return None
        try:
            return _read_entry(parse_object(content), reference)
        except (JsonError, AnswerError):
            self._discard(path)
            return None

    def keep_answer(self, reference: ImageReference, answer: Platforms) -> None:
        """Keeps an answer that a registry has given or confirmed just now."""
        value = {
            "reference": str(reference),
            "checked_at": self._clock(),
            "answer": write_answer(answer),
        }
        self._write(self._ref(reference), json.dumps(value).encode())

    def usage(self) -> Usage:
        return _total(self._files())

    def clear(self) -> Usage:
        """Removes everything podfit put there, and says how much that was."""
        removed = self._remove(list(self._files(temporary=True)))
        with contextlib.suppress(OSError):
            self._marker.unlink()
        for folder, _, _ in os.walk(self._tree, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        return removed

    def prune(self, max_bytes: int = MAX_BYTES) -> Usage:
        """Removes what was not used for the longest time, until at most so many bytes are left."""
        before = self._clock() - _ABANDONED
        files = sorted(self._files(temporary=True), key=lambda file: (file.used_at, file.path))
        abandoned = [f for f in files if f.path.name.startswith(TEMPORARY) and f.used_at < before]
        kept = [f for f in files if not f.path.name.startswith(TEMPORARY)]
        excess = _total(kept).bytes - max_bytes
        old = []
        for file in kept:
            if excess <= 0:
                break
            old.append(file)
            excess -= file.size
        return self._remove(abandoned + old)

    def tidy(self) -> None:
        """Prunes, unless that was done within the last hour."""
        with contextlib.suppress(OSError):
            if self._clock() - self._marker.stat().st_mtime < _TIDY_EVERY:
                return
        self._write(self._marker, b"")
        self.prune()

    def _blob(self, digest: str) -> Path:
        algorithm, _, hexadecimal = digest.partition(":")
        return self._tree / "blobs" / algorithm / hexadecimal

    def _ref(self, reference: ImageReference) -> Path:
        """A colon in a registry's name is encoded: Windows allows none in a file's."""
        registry = quote(reference.registry, safe="")
        name = hashlib.sha256(str(reference).encode()).hexdigest()
        return self._tree.joinpath(
            "refs", registry, *reference.repository.split("/"), f"{name}.json"
        )

    def _read(self, path: Path) -> bytes | None:
        """The content of a file that is regular and no larger than it may be; marks it as used."""
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE:
                self._discard(path)
                return None
            content = path.read_bytes()
        except OSError:
            return None
        now = self._clock()
        if now - found.st_mtime > _TOUCH_AFTER:
            with contextlib.suppress(OSError):
                os.utime(path, (now, now))
        return content

    def _discard(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink()
            self._damaged.append(path)

    def _write(self, path: Path, content: bytes) -> None:
        for _ in range(3):  # another process may be clearing the folders away
            try:
                make_private_folder(path.parent)
                replace_file(path, content, mode=PRIVATE)
            except FileNotFoundError as error:
                failure: OSError = error
            except OSError as error:
                failure = error
                break
            else:
                return
        self._refused.append(failure.strerror or type(failure).__name__)

    def _files(self, *, temporary: bool = False) -> Iterator[_File]:
        for kind in ("blobs", _CHARTS, "refs"):
            for folder, _, names in os.walk(self._tree / kind):
                for name in names:
                    if _FILE_NAME.fullmatch(name) or (temporary and name.startswith(TEMPORARY)):
                        path = Path(folder, name)
                        with contextlib.suppress(OSError):
                            found = path.lstat()
                            yield _File(path, found.st_size, found.st_mtime)

    def _remove(self, files: list[_File]) -> Usage:
        removed = []
        for file in files:
            with contextlib.suppress(OSError):
                file.path.unlink()
                removed.append(file)
        return _total(iter(removed))


def _read_entry(value: Mapping[str, object], reference: ImageReference) -> Entry:
    checked_at = value.get("checked_at")
    if not isinstance(checked_at, int | float) or not 0 <= checked_at < _LAST_TIME:
        raise AnswerError("has no time")
    if value.get("reference") != str(reference):
        raise AnswerError("is of another reference")
    answer = read_answer(value.get("answer"), CACHED)
    if (
        reference.digest
        and isinstance(answer, KnownPlatforms)
        and answer.digest != reference.digest
    ):
        raise AnswerError("is of another digest")
    return Entry(answer, float(checked_at))


def _total(files: Iterator[_File] | list[_File]) -> Usage:
    sizes = [file.size for file in files]
    return Usage(len(sizes), sum(sizes))


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
        return dataclasses.replace(answer, notes=(*answer.notes, note))

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
