"""Text files from outside, read within bounds.

Rendered text, cut into objects as Helm cuts it, in an order that every Helm gives alike.

`helm template` sorts what it prints by kind and puts hooks last; Helm's library gives each template
as it was rendered. Both come to the same text here, so places and ordinals are the same too.

Standard input: manifests, or what `helm template` prints.
"""

from __future__ import annotations

import codecs
import mmap
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
"""The largest file that is read; the largest rendered chart of a survey of 535 has 5 MB."""

_MAX_NEIGHBOURS: Final = 1000
"""Names in a folder that are compared with one that is not there."""
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_WIDE: Final = (b"k\0i\0n\0d", b"k\0\0\0i\0\0\0n\0\0\0d")
"""In UTF-16 and UTF-32 without a byte order mark, which Kubernetes refuses, but not in silence."""


class ManifestFile(Struct, frozen=True):
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


_SEPARATOR: Final = re.compile(r"^---[\t\n\f\r ]*", re.MULTILINE)
"""Helm's `pkg/release/v1/util/manifest.go`, with the space before it left to trimming."""
_SOURCE: Final = re.compile("# Source: (?P<template>[^\r\n\x85\u2028\u2029]+?)[ \t]*(?:\r?\n|$)")
"""To the end of its line, as YAML knows it: what follows is no comment any more."""
_KIND: Final = re.compile(r"^kind:[ \t]*[\"']?(\w*)", re.MULTILINE)
_HOOK: Final = re.compile(r"^[ \t]+[\"']?helm\.sh/hook[\"']?[ \t]*:", re.MULTILINE)
_COMMENT: Final = re.compile(r"[ \t]*(#.*)?")


class Piece(Struct, frozen=True):
    """What stands between two `---` lines of a stream.

    template: what its `# Source:` comment says, as Helm writes it before each object; or "". line:
    where the text begins, from 1.
    """

    template: str
    text: str
    line: int


def read_pieces(stream: str) -> Iterator[Piece]:
    """The pieces of a stream that hold more than space."""
    for line, text in _split(stream):
        header = _SOURCE.match(text)
        if header is None:
            yield Piece("", text, line)
        elif text[header.end() :].strip():
            yield Piece(header["template"], text[header.end() :], line + 1)


def normalise(text: str) -> str:
    """The objects of a rendered template: each trimmed, by kind, hooks last; "" where none is."""
    return _join(piece for _, piece in _split(text))


def normalise_all(pieces: Iterable[Piece]) -> dict[str, str]:
    """The normalised text of each template, by its name."""
    texts: dict[str, list[str]] = {}
    for piece in pieces:
        texts.setdefault(piece.template, []).append(piece.text)
    joined = {template: _join(texts[template]) for template in sorted(texts)}
    return {template: text for template, text in joined.items() if text}


def _split(stream: str) -> Iterator[tuple[int, str]]:
    """What stands between `---` lines, with the line where it begins; not what is but space."""
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
    """What is piped in. It can be read only once, so it is kept."""

    namespace: str = ""
    name: str = "-"
    _text: str | None = None

    def documents(self) -> Iterator[Document | Problem]:
        """A document for each template that `# Source:` comments name, and one for the rest."""
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
    """The pieces as one text, each on the line that it has in the stream."""
    parts: list[str] = []
    line = 1
    for piece in pieces:
        gap = piece.line - line
        start = "\n" * (gap - 1) + "---\n" if gap else "--- " if parts else ""
        parts += (start, piece.text)
        line = piece.line + piece.text.count("\n")
    return "".join(parts)


def _is_template(name: str) -> bool:
    """Whether a `# Source:` is Helm's, and not a comment of the user's or a path to elsewhere."""
    parts = name.split("/")
    return bool(_TEMPLATE.match(name)) and name.isprintable() and not {"..", ""} & set(parts)


def _unreadable(error: OSError) -> Problem:
    return SourceError(
        "standard input cannot be read", where=SHOWN, why=error.strerror or str(error)
    ).problem
