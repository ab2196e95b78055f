"""JSON form of answers for the cache and the lock file, and atomic writes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Final, Literal, TypeVar

from auditor.images.images import (
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
    VersionSource,
)
from auditor.images.platforms import Platform, parse_platform
from auditor.registry.content.documents import is_digest

_E = TypeVar("_E", bound=Enum)
_KINDS: Final[Mapping[object, Literal["index", "manifest"]]] = {
    "index": "index",
    "manifest": "manifest",
}


Place = tuple[str | int, ...]
"""A path in a JSON value: keys and indexes, outermost first."""


class AnswerError(ValueError):
    """JSON that is not a valid answer. The message is a clause."""

    def __init__(self, message: str, place: Place = ()) -> None:
        super().__init__(message)
        self.place = place


def write_answer(answer: Platforms) -> dict[str, object]:
    """Return the answer as a JSON object, without `source`: the reader sets it."""
    if isinstance(answer, UnknownPlatforms):
        return {
            "reason": answer.reason.value,
            "message": answer.message,
            "hint": answer.hint,
        }
    return {**write_platforms(answer), "notes": list(answer.notes), "rows": list(answer.rows)}


def read_answer(value: object, source: str) -> Platforms:
    """Read the output of `write_answer`. Raises AnswerError for anything else."""
    fields = _object(value, ())
    if "reason" not in fields:
        known = {key: item for key, item in fields.items() if key not in ("notes", "rows")}
        answer = read_platforms(known, source, notes=tuple(_texts(fields.get("notes"), ("notes",))))
        return dataclasses.replace(answer, rows=tuple(_texts(fields.get("rows", []), ("rows",))))
    reason = _member(UnknownReason, fields["reason"], ("reason",))
    message, hint = fields.get("message"), fields.get("hint")
    if not isinstance(message, str) or not isinstance(hint, str):
        raise AnswerError("message and hint must be strings")
    return UnknownPlatforms(reason, message, hint)


def write_platforms(answer: KnownPlatforms) -> dict[str, object]:
    """Return digest, kind and platforms; `completed` and `dangling` only if not empty."""
    value: dict[str, object] = {
        "digest": answer.digest,
        "kind": answer.kind,
        "platforms": [str(platform) for platform in answer.platforms],
    }
    if answer.completed:
        value["completed"] = {str(platform): source.value for platform, source in answer.completed}
    if answer.dangling:
        value["dangling"] = [str(platform) for platform in answer.dangling]
    return value


def read_platforms(value: object, source: str, notes: tuple[str, ...] = ()) -> KnownPlatforms:
    """Read the output of `write_platforms`. Raises AnswerError, also for an unknown key."""
    fields = _object(value, ())
    for key in fields:
        if key not in ("digest", "kind", "platforms", "completed", "dangling"):
            raise AnswerError("is not a known key", (key,))
    digest = fields.get("digest")
    if not isinstance(digest, str) or not is_digest(digest):
        raise AnswerError(
            "must be a digest, such as sha256: and 64 hexadecimal digits", ("digest",)
        )
    kind = _KINDS.get(fields.get("kind")) if isinstance(fields.get("kind"), str) else None
    if kind is None:
        raise AnswerError("must be `index` or `manifest`", ("kind",))
    return KnownPlatforms(
        platforms=_platforms(fields.get("platforms"), ("platforms",)),
        kind=kind,
        digest=digest,
        source=source,
        notes=notes,
        completed=tuple(
            (
                _platform(text, ("completed", text)),
                _member(VersionSource, version, ("completed", text)),
            )
            for text, version in _object(fields.get("completed", {}), ("completed",)).items()
        ),
        dangling=_platforms(fields.get("dangling", []), ("dangling",)),
    )


def _platforms(value: object, place: Place) -> tuple[Platform, ...]:
    return tuple(_platform(text, (*place, i)) for i, text in enumerate(_texts(value, place)))


def _platform(text: str, place: Place) -> Platform:
    try:
        return parse_platform(text)
    except ValueError as error:
        raise AnswerError(str(error), place) from error


def _member(members: type[_E], value: object, place: Place) -> _E:
    try:
        return members(value)
    except ValueError as error:
        names = ", ".join(member.value for member in members)
        raise AnswerError(f"must be one of {names}", place) from error


def _texts(value: object, place: Place) -> list[str]:
    if not isinstance(value, list):
        raise AnswerError("must be a list", place)
    for number, item in enumerate(value):
        if not isinstance(item, str):
            raise AnswerError("must be a string", (*place, number))
    return value


def _object(value: object, place: Place) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise AnswerError("must be an object", place)
    return value


TEMPORARY: Final = ".podfit-"
"""Name prefix of files that are still being written."""
PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Write a temporary file in the same folder, then rename it. Raises OSError.

    A symbolic link at `path` is replaced, not followed.

    Args:
        path: The file to write.
        content: Its bytes.
        mode: Permissions of a new file, before the umask.
    """
    temporary = path.with_name(f"{TEMPORARY}{os.urandom(8).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    number = os.open(temporary, flags, mode)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def make_private_folder(folder: Path) -> None:
    """Create a folder and its parents with mode 0700; `Path.mkdir` sets that of the last only."""
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_private_folder(folder.parent)
        folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
