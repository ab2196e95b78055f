"""Read manifests and rendered templates from files and standard input, within size limits.

`helm template` sorts its output by kind with hooks last; Helm's library returns each template as
rendered. `normalise` brings both to the same text, so that line numbers and ordinals agree.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from msgspec import Struct

from auditor.errors import Problem, SourceError
from auditor.files.strict import suggestion
from auditor.kubernetes.manifests import Document, may_hold_objects

MAX_BYTES: Final = 20_000_000
"""The largest file that is read; the largest of 535 surveyed rendered charts has 5 MB."""

_MAX_NEIGHBOURS: Final = 1000
"""Names in a folder that are compared with a missing one for a suggestion."""
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_WIDE: Final = (b"k\0i\0n\0d", b"k\0\0\0i\0\0\0n\0\0\0d")
"""`kind` in UTF-16 and UTF-32 without a byte order mark. Kubernetes refuses such files, so they are
reported rather than skipped."""


class ManifestFile(Struct, frozen=True):
    """A file of manifests, YAML or JSON.

    Attributes:
        shown: The path as the user would write it.
        source: The SOURCE that the file belongs to.
        lenient: Found while walking a folder, so it need not contain manifests.
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
        """Yield the file as one document; nothing if it is `lenient` and contains no manifest."""
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
        """Whether the file may contain manifests; files above `MAX_BYTES` are searched whole."""
        if data.startswith(_UTF32):
            return True
        if data.startswith(_UTF16):
            return len(data) > MAX_BYTES or may_hold_objects(decode(data, self.shown).encode())
        if may_hold_objects(data):
            return True
        if any(word in data for word in _WIDE):
            why = "it is UTF-16 or UTF-32 without a byte order mark, which Kubernetes does not read"
            raise _not_text(self.shown, self.shown, why)
        return len(data) > MAX_BYTES and _large_file_may_hold_objects(self.path, self.shown)


def read_text(path: Path, shown: str) -> str:
    """Return the text of a file without its byte order mark.

    Raises SourceError if it is missing, unreadable, not a regular file, too large or not text.
    """
    return decode(read_bytes(path, shown), shown)


def read_bytes(path: Path, shown: str) -> bytes:
    """Return at most `MAX_BYTES` + 1 bytes of a file. Raises SourceError."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SourceError(f"{shown} is not a regular file", where=shown)
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise missing(shown) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreadable(shown, error) from error


def _large_file_may_hold_objects(path: Path, shown: str) -> bool:
    import mmap

    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return may_hold_objects(content)
    except (OSError, ValueError) as error:
        raise unreadable(shown, error) from error


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for the writer of a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def decode(data: bytes, shown: str) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark as kubectl does; the mark is removed.

    Raises SourceError if the data is too large or not such text.
    """
    if len(data) > MAX_BYTES:
        raise SourceError(
            f"{shown} is larger than {MAX_BYTES // 1_000_000} MB",
            where=shown,
            hint="split it; none of it was audited",
        )
    if data.startswith(_UTF32):
        raise _not_text(shown, shown, "it is UTF-32, which Kubernetes does not read")
    if data.startswith(_UTF16):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _not_text(shown, f"{shown}:{line}", str(error)) from error


def _not_text(shown: str, where: str, why: str) -> SourceError:
    return SourceError(f"{shown} is not UTF-8 text", where=where, why=why, hint="save it as UTF-8")


def shown_path(path: Path) -> str:
    """Return a path for messages; bytes that are not UTF-8 become question marks."""
    return Path(os.path.normpath(path)).as_posix().encode("utf-8", "replace").decode("utf-8")


def unreadable(shown: str, error: OSError | ValueError) -> SourceError:
    return SourceError(
        f"{shown} cannot be read",
        where=shown,
        why=getattr(error, "strerror", None) or str(error),
        hint="allow podfit to read it, or leave it out",
    )


def missing(shown: str) -> SourceError:
    """Return the error for a missing path or a broken link."""
    path = Path(shown)
    if path.is_symlink():
        return SourceError(f"{shown} is a broken link", where=shown, hint="fix the link")
    return SourceError(
        f"{shown} does not exist", where=shown, hint=_nearest(path) or "check the path"
    )


def _nearest(path: Path) -> str:
    """Return a suggestion for the first missing part of a path, or ""."""
    try:
        absent = next(part for part in (*reversed(path.parents), path) if not part.exists())
        siblings = list(islice(absent.parent.iterdir(), _MAX_NEIGHBOURS))
    except (OSError, StopIteration, ValueError):
        return ""
    similar = (item.name for item in siblings if suggestion(absent.stem, (item.stem,)))
    return suggestion(absent.name, tuple(similar))


_SEPARATOR: Final = re.compile(r"^---[\t\n\f\r ]*", re.MULTILINE)
"""As in Helm's `pkg/release/v1/util/manifest.go`; leading space is trimmed elsewhere."""
_SOURCE: Final = re.compile("# Source: (?P<template>[^\r\n\x85\u2028\u2029]+?)[ \t]*(?:\r?\n|$)")
"""Ends at any line break of YAML, which also ends the comment."""
_KIND: Final = re.compile(r"^kind:[ \t]*[\"']?(\w*)", re.MULTILINE)
_HOOK: Final = re.compile(r"^[ \t]+[\"']?helm\.sh/hook[\"']?[ \t]*:", re.MULTILINE)
_COMMENT: Final = re.compile(r"[ \t]*(#.*)?")


class Piece(Struct, frozen=True):
    """The text between two `---` lines of a stream.

    Attributes:
        template: The path in the `# Source:` comment that Helm writes before each object, or "".
        line: The line on which the text begins, from 1.
    """

    template: str
    text: str
    line: int


def read_pieces(stream: str) -> Iterator[Piece]:
    """Yield the pieces of a stream that are not blank."""
    for line, text in _split(stream):
        header = _SOURCE.match(text)
        if header is None:
            yield Piece("", text, line)
        elif text[header.end() :].strip():
            yield Piece(header["template"], text[header.end() :], line + 1)


def normalise(text: str) -> str:
    """Trim the objects of a rendered template and sort them by kind, hooks last."""
    return _join(piece for _, piece in _split(text))


def normalise_all(pieces: Iterable[Piece]) -> dict[str, str]:
    """Return the normalised text of each template by name."""
    texts: dict[str, list[str]] = {}
    for piece in pieces:
        texts.setdefault(piece.template, []).append(piece.text)
    joined = {template: _join(texts[template]) for template in sorted(texts)}
    return {template: text for template, text in joined.items() if text}


def _split(stream: str) -> Iterator[tuple[int, str]]:
    """Yield the first line and the text of each piece between `---` lines that is not blank."""
    start, line = 0, 1
    for match in (*_SEPARATOR.finditer(stream), None):
        piece = stream[start : match.start() if match else len(stream)]
        if piece.strip():
            yield line, piece
        if match:
            line += stream.count("\n", start, match.end())
            start = match.end()


def _join(pieces: Iterable[str]) -> str:
    trimmed = [piece.strip() for piece in pieces]
    full = [piece for piece in trimmed if not all(map(_COMMENT.fullmatch, piece.splitlines()))]
    ordered = sorted(full, key=lambda piece: (bool(_HOOK.search(piece)), _kind(piece)))
    return "\n---\n".join(ordered) + "\n" if ordered else ""


def _kind(piece: str) -> str:
    match = _KIND.search(piece)
    return match[1] if match else ""


SHOWN: Final = "<stdin>"

_TEMPLATE: Final = re.compile(r"[A-Za-z0-9._-]+/(templates|charts|crds)/[^\\:]+")


class StandardInput(Struct):
    """Manifests on standard input, which is read once and kept."""

    namespace: str = ""
    name: str = "-"
    _text: str | None = None

    def documents(self) -> Iterator[Document | Problem]:
        """Yield a document for each template in `# Source:` comments, and one for the rest."""
        try:
            if self._text is None:
                self._text = decode(sys.stdin.buffer.read(MAX_BYTES + 1), SHOWN)
        except (OSError, SourceError) as error:
            yield error.problem if isinstance(error, SourceError) else _unreadable(error)
            return
        pieces = tuple(read_pieces(self._text))
        rendered = [piece for piece in pieces if _is_template(piece.template)]
        for template, text in normalise_all(rendered).items():
            yield Document(
                path=template,
                text=text,
                source=self.name,
                chart=template.partition("/")[0],
                namespace=self.namespace,
                template=template,
            )
        rest = _in_place(piece for piece in pieces if not _is_template(piece.template))
        text = rest if rendered else self._text
        if text.strip():
            yield Document(SHOWN, text, self.name, namespace=self.namespace)


def _in_place(pieces: Iterable[Piece]) -> str:
    """Join the pieces, each at its line in the stream."""
    parts: list[str] = []
    line = 1
    for piece in pieces:
        gap = piece.line - line
        start = "\n" * (gap - 1) + "---\n" if gap else "--- " if parts else ""
        parts += (start, piece.text)
        line = piece.line + piece.text.count("\n")
    return "".join(parts)


def _is_template(name: str) -> bool:
    """Whether a `# Source:` comment has a template path of Helm's: not `..`, not free text."""
    parts = name.split("/")
    return bool(_TEMPLATE.match(name)) and name.isprintable() and not {"..", ""} & set(parts)


def _unreadable(error: OSError) -> Problem:
    return SourceError(
        "standard input cannot be read", where=SHOWN, why=error.strerror or str(error)
    ).problem
