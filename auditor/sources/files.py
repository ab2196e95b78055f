"""Text files from outside, read within bounds."""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.manifests import Document
from auditor.schema import suggestion

MAX_BYTES: Final = 20_000_000
"""The largest file that is read; the largest rendered chart of a survey of 535 has 5 MB."""

_MAX_NEIGHBOURS: Final = 1000
"""Names in a folder that are compared with one that is not there."""
_MAY_BE_MANIFEST: Final = re.compile(rb"kind|k\0i\0n\0d")
"""Something every manifest says, in UTF-8 and in UTF-16 (which is refused, but not in silence)."""
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
            if self.lenient and not _MAY_BE_MANIFEST.search(data):
                return
            text = decode(data, self.shown)
        except SourceError as error:
            yield error.problem
            return
        yield Document(
            self.shown, text, self.source, namespace=self.namespace, lenient=self.lenient
        )


def read_text(path: Path, shown: str) -> str:
    """The text of a file, without a byte order mark.

    Raises SourceError where it is absent, unreadable, no regular file, too large or not UTF-8.
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


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def decode(data: bytes, shown: str) -> str:
    """Bytes as UTF-8 text, without a byte order mark.

    Raises SourceError where they are too many or not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise SourceError(
            f"{shown} is larger than {MAX_BYTES // 1_000_000} MB",
            where=shown,
            hint="split it; nothing of it was audited",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        utf16 = data.startswith(_UTF16)
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{shown} is not UTF-8 text",
            where=shown if utf16 else f"{shown}:{line}",
            why="it is UTF-16, which Windows PowerShell writes with `>`" if utf16 else str(error),
            hint="save it as UTF-8 (in PowerShell: `| Out-File -Encoding utf8`)"
            if utf16
            else "save it as UTF-8",
        ) from error


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
