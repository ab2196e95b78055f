"""Paths of a report as code hosts want them: from the root of the repository, with slashes."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePath
from typing import Final
from urllib.parse import quote

from auditor.formats.interface import Style
from auditor.manifests import Location

_PLACE: Final = re.compile(r"(?P<path>.+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?", re.DOTALL)


def repository_path(path: str, style: Style) -> str:
    """The path from the root of the repository.

    One that leads out of it, and an absolute one, stay as they are.
    """
    posix = PurePath(path).as_posix()
    if posixpath.isabs(posix) or PurePath(path).is_absolute():
        return posix
    joined = posixpath.normpath(posixpath.join(style.base, posix))
    return posix if joined.startswith("../") else joined


def repository_uri(path: str, style: Style) -> str:
    """The same as a relative URI reference (RFC 3986), or a `file:` URI where it is absolute."""
    posix = repository_path(path, style)
    encoded = quote(posix, safe="/", errors="replace")
    if posix.startswith("/"):
        return f"file://{encoded}"
    if re.match(r"[A-Za-z]:/", posix):
        return f"file:///{posix[0]}:{quote(posix[2:], safe='/', errors='replace')}"
    return encoded


def source_link(location: Location, style: Style) -> str:
    """Where the file can be read on the web; "" if nobody knows."""
    posix = repository_path(location.path, style)
    if not style.source_url or posix.startswith(("/", "../", "<")):
        return ""
    anchor = "" if location.rendered else f"#L{location.line}"
    return f"{style.source_url}{quote(posix, safe='/', errors='replace')}{anchor}"


def file_line(location: Location) -> int:
    """The line of the file to point at: of a rendered template nobody knows, so its first."""
    return 1 if location.rendered else location.line


def split_place(where: str) -> tuple[str, int]:
    """Path and line of a problem's `path[:line[:column]]`; ("", 1) for nowhere."""
    match = _PLACE.fullmatch(where)
    return (match["path"], int(match["line"] or 1)) if match else ("", 1)
