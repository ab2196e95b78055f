"""Text files from outside, read within bounds."""

from __future__ import annotations

import codecs
import mmap
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.manifests import Document, may_hold_objects
from auditor.schema import suggestion

MAX_BYTES: Final = 20_000_000
"""The largest file that is read; the largest rendered chart of a survey of 535 has 5 MB."""

_MAX_NEIGHBOURS: Final = 1000
"""Names in a folder that are compared with one that is not there."""
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_WIDE: Final = (b"k\0i\0n\0d", b"k\0\0\0i\0\0\0n\0\0\0d")
"""In UTF-16 and UTF-32 without a byte order mark, which Kubernetes refuses, but not in silence."""


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file of manifests, YAML or JSON.

    shown: the path as the user would write it. source: the SOURCE it belongs to. lenient: found
    while walking a folder, so it need not hold manifests at all.
    """

    path: Path
    shown: str
    source: str
    namespace: str = ""
    lenient: bool = False

    @property
    def name(self) -> str:
        return self.shown

    def documents(self) -> Iterator[Document | Problem]:
        """The file as one document; none where it was found by chance and holds no manifest."""
        try:
            data = read_bytes(self.path, self.shown)
            if self.lenient and not self._may_hold_objects(data):
                return
            text = decode(data, self.shown)
        except SourceError as error:
            yield error.problem
            return
        yield Document(
            self.shown, text, self.source, namespace=self.namespace, lenient=self.lenient
        )

    def _may_hold_objects(self, data: bytes) -> bool:
        """Whether it must be decoded. One that is too large to be is looked through to its end."""
        if data.startswith(_UTF32):
            return True
        if data.startswith(_UTF16):
            return len(data) > MAX_BYTES or may_hold_objects(decode(data, self.shown).encode())
        if may_hold_objects(data):
            return True
        if any(word in data for word in _WIDE):
            why = "it is UTF-16 or UTF-32 without a byte order mark, which Kubernetes does not read"
            raise _no_text(self.shown, self.shown, why)
        return len(data) > MAX_BYTES and _may_hold_objects_somewhere(self.path, self.shown)


def read_text(path: Path, shown: str) -> str:
    """The text of a file, without a byte order mark.

    Raises SourceError where it is absent, unreadable, no regular file, too large or no text.
    """
    return decode(read_bytes(path, shown), shown)


def read_bytes(path: Path, shown: str) -> bytes:
    """The first bytes of a file, one more than `decode` takes. Raises SourceError."""
    try:
        # Without O_NONBLOCK, opening a named pipe waits for whoever writes to it.
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SourceError(f"{shown} is not a regular file", where=shown)
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise missing(shown) from error
    except (OSError, ValueError) as error:  # a name may hold a NUL
        raise unreadable(shown, error) from error


def _may_hold_objects_somewhere(path: Path, shown: str) -> bool:
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return may_hold_objects(content)
    except (OSError, ValueError) as error:
        raise unreadable(shown, error) from error


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def decode(data: bytes, shown: str) -> str:
    """Bytes as text, without a byte order mark: UTF-8, or what kubectl takes for UTF-16.

    Raises SourceError where they are too many or no such text.
    """
    if len(data) > MAX_BYTES:
        raise SourceError(
            f"{shown} is larger than {MAX_BYTES // 1_000_000} MB",
            where=shown,
            hint="split it; nothing of it was audited",
        )
    if data.startswith(_UTF32):
        raise _no_text(shown, shown, "it is UTF-32, which Kubernetes does not read")
    if data.startswith(_UTF16):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _no_text(shown, f"{shown}:{line}", str(error)) from error


def _no_text(shown: str, where: str, why: str) -> SourceError:
    return SourceError(f"{shown} is not UTF-8 text", where=where, why=why, hint="save it as UTF-8")


def shown_path(path: Path) -> str:
    """A path for the user; a byte of a name that is no UTF-8 becomes a question mark."""
    return Path(os.path.normpath(path)).as_posix().encode("utf-8", "replace").decode("utf-8")


def unreadable(shown: str, error: OSError | ValueError) -> SourceError:
    return SourceError(
        f"{shown} cannot be read",
        where=shown,
        why=getattr(error, "strerror", None) or str(error),
        hint="give podfit the right to read it, or leave it out",
    )


def missing(shown: str) -> SourceError:
    """For a path that is not there, or that is a link to what is not there."""
    path = Path(shown)
    if path.is_symlink():
        return SourceError(
            f"{shown} is a link that leads nowhere", where=shown, hint="mend the link"
        )
    return SourceError(
        f"{shown} does not exist", where=shown, hint=_nearest(path) or "check the path"
    )


def _nearest(path: Path) -> str:
    """What the first part that is not there may have been meant to be; "" if nobody can tell."""
    try:
        absent = next(part for part in (*reversed(path.parents), path) if not part.exists())
        beside = list(islice(absent.parent.iterdir(), _MAX_NEIGHBOURS))
    except (OSError, StopIteration, ValueError):
        return ""
    alike = (item.name for item in beside if suggestion(absent.stem, (item.stem,)))
    return suggestion(absent.name, tuple(alike))
