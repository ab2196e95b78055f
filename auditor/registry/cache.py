"""The cache on disk: blobs by digest, the last answer for each reference, and charts.

    <root>/v1/blobs/<algorithm>/<hexadecimal>                    content, verified when read
    <root>/v1/refs/<registry>/<repository>/<hash of ref>.json    answer and time of the last check
    <root>/v1/charts/<hash of name>/<hexadecimal>.tgz            see `auditor/sources/fetching/`

Several processes may use one root: files are replaced atomically (`os.replace`), and damaged files
count as absent. Disk errors are never raised; `notes` reports them.

`CachingInspector` queries registries only for images without a recent answer in the cache:

* The answer for a digest does not expire.
* The answer for a tag is valid for `max_age`, then confirmed by a HEAD request for its digest,
  which Docker Hub does not count as a pull.
* "Not found" is valid for a minute; other failures are not stored.
* If a registry is unreachable, an answer of the last week is used, with a note.
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
"""Size after `tidy`: enough for tens of thousands of images."""
MAX_FILE: Final = 8 * 1024 * 1024
CACHED: Final = "cache"
"""`KnownPlatforms.source` of answers from the cache."""

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
    """Number of files and their total size."""

    files: int = 0
    bytes: int = 0


class _File(Struct, frozen=True):
    path: Path
    size: int
    used_at: float


def default_root(environment: Mapping[str, str]) -> Path:
    """Return PODFIT_CACHE_DIR, or the cache folder of the operating system.

    Falls back to a path that cannot be written if the user has no home, as in some containers.
    """
    if chosen := environment.get("PODFIT_CACHE_DIR"):
        return Path(chosen)
    import platformdirs

    try:
        return platformdirs.user_cache_path("podfit", appauthor=False)
    except RuntimeError:
        return Path(os.devnull, "podfit")


def charts_folder(root: Path) -> Path:
    """Return the folder of downloaded chart archives."""
    return root / _VERSION / _CHARTS


class Cache:
    """The cache under a root folder. It implements `Blobs`."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.root = root
        self._tree = root / _VERSION
        self._marker = self._tree / "pruned"
        self._clock = clock
        self._damaged: list[Path] = []
        self._write_errors: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """Disk problems since this object was created, one sentence per kind."""
        notes = []
        if self._damaged:
            notes.append(f"damaged files in the cache were removed: {len(self._damaged)}")
        if self._write_errors:
            notes.append(f"the cache at {self.root} cannot be written: {self._write_errors[0]}")
        return tuple(notes)

    def get(self, digest: str) -> bytes | None:
        """Return the content with this digest, verified."""
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
        """Store content under a digest that the caller has verified."""
        if is_digest(digest) and len(content) <= MAX_FILE:
            self._write(self._blob(digest), content)

    def answer_of(self, reference: ImageReference) -> Entry | None:
        """Return the last answer for the reference, whatever its age."""
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
        """Store an answer that a registry has just given or confirmed."""
        value = {
            "reference": str(reference),
            "checked_at": self._clock(),
            "answer": write_answer(answer),
        }
        self._write(self._ref(reference), json.dumps(value).encode())

    def usage(self) -> Usage:
        return _total(self._files())

    def clear(self) -> Usage:
        """Remove all cached files and return their number and size."""
        removed = self._remove(list(self._files(temporary=True)))
        with contextlib.suppress(OSError):
            self._marker.unlink()
        for folder, _, _ in os.walk(self._tree, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        return removed

    def prune(self, max_bytes: int = MAX_BYTES) -> Usage:
        """Remove the least recently used files until at most `max_bytes` are left."""
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
        """Prune, at most once per hour."""
        with contextlib.suppress(OSError):
            if self._clock() - self._marker.stat().st_mtime < _TIDY_EVERY:
                return
        self._write(self._marker, b"")
        self.prune()

    def _blob(self, digest: str) -> Path:
        algorithm, _, hexadecimal = digest.partition(":")
        return self._tree / "blobs" / algorithm / hexadecimal

    def _ref(self, reference: ImageReference) -> Path:
        """Encode colons in the registry, as Windows does not allow them in file names."""
        registry = quote(reference.registry, safe="")
        name = hashlib.sha256(str(reference).encode()).hexdigest()
        return self._tree.joinpath(
            "refs", registry, *reference.repository.split("/"), f"{name}.json"
        )

    def _read(self, path: Path) -> bytes | None:
        """Return the content of a regular file within the size limit, and mark it as used."""
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
        for _ in range(3):  # another process may remove the folders
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
        self._write_errors.append(failure.strerror or type(failure).__name__)

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
        return _total(removed)


def _read_entry(value: Mapping[str, object], reference: ImageReference) -> Entry:
    checked_at = value.get("checked_at")
    if not isinstance(checked_at, int | float) or not 0 <= checked_at < _LAST_TIME:
        raise AnswerError("has no time")
    if value.get("reference") != str(reference):
        raise AnswerError("is for another reference")
    answer = read_answer(value.get("answer"), CACHED)
    if (
        reference.digest
        and isinstance(answer, KnownPlatforms)
        and answer.digest != reference.digest
    ):
        raise AnswerError("is for another digest")
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
"""Failures that say nothing about the image. REFUSED is not one: a policy must not be bypassed."""


class Origin(Inspector, Protocol):
    """An inspector that can also return digests, at a lower cost than platforms."""

    def digests(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, str | UnknownPlatforms]:
        """Return the current digest of each reference. Never raises for one image."""
        ...


def default_max_age(environment: Mapping[str, str]) -> float:
    """Return how long the answer for a tag is valid, in seconds: a day, or an hour in CI."""
    in_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return MAX_AGE_IN_CI if in_ci else MAX_AGE


class CachingInspector:
    """Answers from the cache, and stores the answers of `origin`.

    Args:
        origin: None for offline mode: answers of any age, with a note.
        cache: The cache on disk.
        max_age: Seconds for which the answer for a tag is valid; 0 to check every tag.
        max_stale: Maximum age in seconds of an answer for an unreachable registry; 0 for none.
        clock: Returns seconds since the epoch.
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
        """Return an answer for every image. Recent answers in the cache cost no request."""
        entries = {image: self._cache.answer_of(image) for image in images}
        if self._origin is None:
            progress(len(entries), len(entries))
            return {image: self._offline(image, entry) for image, entry in entries.items()}
        answers = {
            image: entry.answer
            for image, entry in entries.items()
            if entry and self._is_fresh(image, entry)
        }
        progress = _monotonic(progress)
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
                f"{image.familiar} is not in the cache (offline mode)",
                "run once without --offline, or write a lock file with `podfit lock`",
            )
        if self._is_fresh(image, entry):
            return entry.answer
        return self._noted(entry, entry.answer, "offline mode")

    def _noted(self, entry: Entry, answer: KnownPlatforms, why: str) -> KnownPlatforms:
        note = f"the answer is {_duration(self._age(entry))} old: {why}"
        return dataclasses.replace(answer, notes=(*answer.notes, note))

    def _age(self, entry: Entry) -> float:
        return self._clock() - entry.checked_at


def _after(done: int, total: int, progress: Progress) -> Progress:
    """Return a progress callback for a part of the images, with `done` others before it."""
    return lambda more, _: progress(done + more, total)


def _monotonic(progress: Progress) -> Progress:
    """Never let the count decrease: an image whose digest changed is looked up twice."""
    most = 0

    def step(done: int, total: int) -> None:
        nonlocal most
        most = max(most, done)
        progress(most, total)

    return step


def _duration(seconds: float) -> str:
    for size, name in ((DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "a moment"
