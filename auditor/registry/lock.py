"""The lock file: reading, writing, and comparing it with the current answers of registries.

It records the platforms of each image, for audits without network access:

    {
      "version": 1,
      "images": {
        "docker.io/library/nginx:1.27": {
          "digest": "sha256:…",
          "kind": "index",
          "platforms": ["linux/amd64", "linux/arm64/v8", "windows(10.0.20348.1970)/amd64"]
        }
      }
    }

`completed` and `dangling` are present only if not empty. Everything is sorted and there are no
timestamps, so equal content gives equal bytes and changes can be reviewed as a diff.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.errors import ConfigurationError, printable, shorten
from auditor.files.paths import LOCK_NAME, REPOSITORY_MARK, find_home, real_path
from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import read_documents
from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.images.platforms import Platform, missing_platforms
from auditor.images.references import parse_reference
from auditor.registry.storage import (
    AnswerError,
    Place,
    read_platforms,
    replace_file,
    write_platforms,
)

LOCK_VERSION: Final = 1
LOCKED: Final = "lock file"
"""`KnownPlatforms.source` of answers from a lock file."""
MAX_LOCK: Final = 16 * 1024 * 1024

_RELOCK: Final = "run `podfit lock` to write it again"
_CONFLICT: Final = re.compile(rb"^<{7} ", re.MULTILINE)
_MAX_LOCATED: Final = 1024 * 1024
_MODE: Final = 0o666


class LockConflict(ConfigurationError):
    """A lock file with git conflict markers; it can be overwritten."""


class LockFile(Struct, frozen=True):
    """The images of a lock file, by canonical reference. Usable as a `Lookup`."""

    images: Mapping[ImageReference, KnownPlatforms] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def __call__(self, image: ImageReference) -> KnownPlatforms | None:
        return self.images.get(image)


def not_locked(image: ImageReference) -> UnknownPlatforms:
    """Return the answer for an image that is missing from the lock file."""
    message = f"{image.familiar} is not in the lock file"
    return UnknownPlatforms(UnknownReason.NOT_LOCKED, message, "run `podfit lock`")


def no_lock(_: ImageReference) -> UnknownPlatforms:
    """Return the answer for any image if there is no lock file."""
    hint = "run `podfit lock`, or set --lock-file"
    return UnknownPlatforms(UnknownReason.NOT_LOCKED, "there is no lock file", hint)


def find_lock(source: Path) -> Path | None:
    """Return the lock file of a source: in its folder, or the nearest one above in its repository.

    Outside a repository only the folder of the source is searched, so that no lock file of another
    user applies. Raises ConfigurationError if it is a symbolic link out of the repository.
    """
    own = lock_beside(source)
    if _accessible(own.is_file):
        return own
    folder, home = real_path(own.parent), find_home(own.parent)
    above = folder.parents if home and home.is_repository else ()
    inside = (each for each in (folder, *above) if home and each.is_relative_to(home.root))
    return next((path for path in map(lock_beside, inside) if _accessible(path.is_file)), None)


def lock_beside(source: Path) -> Path:
    """Return the path at which the lock file of a source is written: in its folder.

    Raises ConfigurationError for a symbolic link out of the repository, as its author need not be
    the user who runs podfit.
    """
    folder = source if _accessible(source.is_dir) else source.parent
    path = folder / LOCK_NAME
    if _accessible(path.is_symlink):
        home = find_home(folder)
        root = home.root if home else real_path(folder)
        target = real_path(path)
        if not target.is_relative_to(root) or REPOSITORY_MARK in target.relative_to(root).parts:
            raise ConfigurationError(
                "the lock file is a link that leads out of the repository",
                where=str(path),
                hint="replace it with a regular file, or set --lock-file",
            )
    return path


def read_lock(path: Path) -> LockFile:
    """Read a lock file. Raises ConfigurationError with the location of the error."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_LOCK + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigurationError(
            "cannot read the lock file", where=str(path), why=why, hint="check the path"
        ) from error
    return parse_lock(content, str(path))


def parse_lock(content: bytes, where: str) -> LockFile:
    """Parse the content of a lock file. Raises ConfigurationError.

    Args:
        content: The bytes of the file.
        where: Its path, for messages.
    """
    if len(content) > MAX_LOCK:
        raise _wrong(f"larger than {MAX_LOCK // 2**20} MiB", where)
    try:
        value = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        place = f"{where}:{error.lineno}:{error.colno}"
        if _CONFLICT.search(content):
            what = "the lock file contains a merge conflict"
            raise LockConflict(what, where=place, hint=_RELOCK) from error
        raise _wrong(f"not JSON: {error.msg}", place) from error
    except UnicodeDecodeError as error:
        raise _wrong("not UTF-8 text", where) from error
    except RecursionError as error:
        raise _wrong("nested too deep", where) from error
    except AnswerError as error:
        raise _wrong(str(error), where) from error
    except ValueError as error:
        raise _wrong("it contains a number that is too long", where) from error
    try:
        return LockFile(MappingProxyType(dict(_images(value))))
    except AnswerError as error:
        place = _located(content, error.place, where)
        raise _wrong(f"{_jq(error.place)} {error}", place) from error


def format_lock(lock: LockFile) -> bytes:
    """Return the bytes of a lock file; equal content gives equal bytes."""
    images = {str(image): lock_entry(known) for image, known in lock.images.items()}
    value = {"version": LOCK_VERSION, "images": dict(sorted(images.items()))}
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def lock_entry(known: KnownPlatforms) -> dict[str, object]:
    """Return the JSON object for an image, sorted."""
    return write_platforms(
        dataclasses.replace(
            known,
            platforms=tuple(sorted(known.platforms, key=str)),
            completed=tuple(sorted(known.completed, key=lambda item: str(item[0]))),
            dangling=tuple(sorted(known.dangling, key=str)),
        )
    )


def write_lock(path: Path, lock: LockFile) -> bool:
    """Write a lock file atomically if its content changes; return whether it was written.

    Raises ConfigurationError.
    """
    content = format_lock(lock)
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        replace_file(path, content, mode=_MODE)
    except OSError as error:
        raise ConfigurationError(
            "cannot write the lock file",
            where=str(path),
            why=error.strerror or str(error),
            hint="set --lock-file to write to another path",
        ) from error
    return True


class Change(Struct, frozen=True):
    """An image whose current answer differs from its lock file entry."""

    image: ImageReference
    locked: KnownPlatforms
    found: KnownPlatforms

    @property
    def moved(self) -> bool:
        """Whether the reference now has another digest."""
        return self.locked.digest != self.found.digest

    @property
    def lost(self) -> tuple[Platform, ...]:
        """The locked platforms that no longer exist, ignoring the revision of Windows builds."""
        return missing_platforms(self.locked.platforms, self.found.platforms)

    @property
    def gained(self) -> tuple[Platform, ...]:
        """The platforms that are not locked."""
        return missing_platforms(self.found.platforms, self.locked.platforms)

    def __str__(self) -> str:
        return f"{self.image.familiar}: {'; '.join(self._clauses())}"

    def _clauses(self) -> Iterator[str]:
        if self.moved:
            yield f"digest moved from {self.locked.digest} to {self.found.digest}"
        else:
            yield "same digest, read differently"
        if self.locked.kind != self.found.kind:
            yield f"kind {self.found.kind}, was {self.locked.kind}"
        for verb, platforms in (("lost", self.lost), ("gained", self.gained)):
            if platforms:
                yield f"platforms {verb}: {', '.join(map(str, platforms))}"


class LockComparison(Struct, frozen=True):
    """The differences between a lock file and the current answers, sorted by reference.

    Attributes:
        changes: Images whose answer changed.
        added: Images in use that are not locked.
        dropped: Locked images that are not in use.
        unresolved: Images whose current platforms are unknown.
    """

    changes: tuple[Change, ...] = ()
    added: tuple[ImageReference, ...] = ()
    dropped: tuple[ImageReference, ...] = ()
    unresolved: tuple[tuple[ImageReference, UnknownPlatforms], ...] = ()


def compare(lock: LockFile, answers: Mapping[ImageReference, Platforms]) -> LockComparison:
    """Compare a lock file with the answers for all images in use."""
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
    """Map each locked image to a reference by its locked digest."""
    return {
        image: replace(image, tag="", digest=image.digest or known.digest)
        for image, known in lock.images.items()
    }


def disagreements(
    lock: LockFile, answers: Mapping[ImageReference, Platforms]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return messages for entries that the registry contradicts, and for entries not verified.

    Args:
        lock: The lock file.
        answers: For the references of `pinned`.
    """
    comparison = compare(lock, {image: answers[pin] for image, pin in pinned(lock).items()})
    unverified = [f"{image.familiar}: {found.message}" for image, found in comparison.unresolved]
    return tuple(map(str, comparison.changes)), tuple(unverified)


def update(lock: LockFile, answers: Mapping[ImageReference, Platforms]) -> LockFile:
    """Return the lock file to write: the answers for all images in use.

    An image whose current platforms are unknown keeps its entry; `compare` reports it. Platforms
    from the configuration (`Overrides`) without a digest are not locked.
    """
    images = {}
    for image, found in _lockable(answers):
        entry = lock.images.get(image) if isinstance(found, UnknownPlatforms) else found
        if entry is not None:
            images[image] = entry
    return LockFile(images)


def _accessible(check: Callable[[], bool]) -> bool:
    """Return the result of a check of a path, or False if its folder is not accessible."""
    try:
        return check()
    except OSError:
        return False


def _images(value: object) -> Iterator[tuple[ImageReference, KnownPlatforms]]:
    if not isinstance(value, dict):
        raise AnswerError("must be an object")
    for key in value:
        if key not in ("version", "images"):
            raise AnswerError("is not a known key", (key,))
    version = value.get("version")
    if version != LOCK_VERSION or isinstance(version, bool):
        raise AnswerError(f"must be {LOCK_VERSION}; a newer podfit may support it", ("version",))
    images = value.get("images")
    if not isinstance(images, dict):
        raise AnswerError("must be an object", ("images",))
    for name, entry in images.items():
        yield _image(name), _entry(_image(name), entry)


def _image(name: str) -> ImageReference:
    reference = parse_reference(name)
    if not isinstance(reference, ImageReference):
        raise AnswerError(f"is not an image: {reference.message}", ("images", name))
    if str(reference) != name:
        raise AnswerError(f"must be written in full: {reference}", ("images", name))
    return reference


def _entry(image: ImageReference, value: object) -> KnownPlatforms:
    try:
        known = read_platforms(value, LOCKED)
        if image.digest not in ("", known.digest):
            raise AnswerError("must be the digest of the reference", ("digest",))
    except AnswerError as error:
        raise AnswerError(str(error), ("images", str(image), *error.place)) from error
    return known


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value: dict[str, object] = {}
    for key, item in pairs:
        if key in value:
            raise AnswerError(f"`{shorten(printable(key), 200)}` is a duplicate key")
        value[key] = item
    return value


def _jq(place: Place) -> str:
    """Format a location as jq does: `.images["docker.io/library/nginx:1"].platforms[2]`."""
    parts = []
    for part in place:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif part.isidentifier():
            parts.append(f".{part}")
        else:
            parts.append(f'["{shorten(printable(part), 200)}"]')
    return "`" + ("".join(parts) or ".") + "`"


def _located(content: bytes, place: Place, where: str) -> str:
    """Return `where` with line and column, from the YAML parser, as that of JSON keeps none."""
    if len(content) > _MAX_LOCATED:
        return where
    node = next(read_documents(content.decode("utf-8-sig")), None)
    if not isinstance(node, Node):
        return where
    for part in place:
        children = node.value
        if isinstance(children, Mapping):
            node = children.get(str(part), node)
        elif isinstance(children, tuple):
            node = children[int(part)]
    return f"{where}:{node.line}:{node.column}"


def _wrong(what: str, where: str) -> ConfigurationError:
    return ConfigurationError(
        f"the lock file is invalid: {what}", where=where, hint=f"delete it, then {_RELOCK}"
    )


def _lockable(
    answers: Mapping[ImageReference, Platforms],
) -> Iterator[tuple[ImageReference, Platforms]]:
    for image, found in answers.items():
        if isinstance(found, UnknownPlatforms) or found.digest:
            yield image, found
