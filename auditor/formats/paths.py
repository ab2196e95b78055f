"""Where a finding is, as code hosts want it: the path from the root of its repository."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final
from urllib.parse import quote

from auditor.findings import Observation
from auditor.formats.interface import Style
from auditor.lines import Precision

_PLACE: Final = re.compile(r"(?P<path>.+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?", re.DOTALL)
_DRIVE: Final = re.compile(r"[A-Za-z]:/")


def repository_path(seen: Observation) -> str:
    """The file from the root of its repository; as the user wrote it where nobody knows that."""
    document = seen.workload.document
    if document.in_repository and seen.location.path == document.path:
        return document.identity
    return posix_path(seen.location.path)


def posix_path(path: str) -> str:
    """A path with slashes."""
    return PurePath(path).as_posix()


def uri(path: str) -> str:
    """A path with slashes as a relative reference (RFC 3986), or a `file:` URI if it is absolute.

    What is no file, such as `<stdin>` or a remote chart, is a relative reference too: GitHub
    refuses a whole SARIF file for one URI of another scheme.
    """
    if _DRIVE.match(path):
        return f"file:///{path[:2]}{quote(path[2:], errors='replace')}"
    return f"file://{_quoted(path)}" if path.startswith("/") else _quoted(path)


def source_link(seen: Observation, style: Style) -> str:
    """Where the file can be read on the web; "" if nobody knows."""
    if not style.source_url or not seen.workload.document.in_repository:
        return ""
    known = seen.location.precision is not Precision.FILE
    anchor = f"#L{seen.location.file_line}" if known else ""
    return f"{style.source_url}{_quoted(repository_path(seen))}{anchor}"


def split_place(where: str) -> tuple[str, int]:
    """Path and line of a problem's `path[:line[:column]]`; ("", 1) for nowhere."""
    match = _PLACE.fullmatch(where)
    return (posix_path(match["path"]), int(match["line"] or 1)) if match else ("", 1)


def _quoted(path: str) -> str:
    return quote(path, safe="/", errors="replace")
