"""Paths, links and source excerpts of findings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import PurePath
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from auditor.checks.findings import Observation
from auditor.formats.catalog import Style
from auditor.formats.wording import runs_on_subject
from auditor.kubernetes.source_lines import Precision

_PLACE: Final = re.compile(r"(?P<path>.+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?", re.DOTALL)
_DRIVE: Final = re.compile(r"[A-Za-z]:/")


def repository_path(seen: Observation) -> str:
    """Return the path from the root of the repository, or the user's path if it is unknown."""
    document = seen.workload.document
    if document.in_repository and seen.location.path == document.path:
        return document.identity
    return posix_path(seen.location.path)


def posix_path(path: str) -> str:
    """Return a path with forward slashes."""
    return PurePath(path).as_posix()


def uri(path: str) -> str:
    """Return a relative reference (RFC 3986), or a `file:` URI for an absolute path.

    Standard input and remote charts are relative references too: GitHub rejects a SARIF file that
    has a URI with another scheme.
    """
    if _DRIVE.match(path):
        return f"file:///{path[:2]}{quote(path[2:], errors='replace')}"
    return f"file://{_quoted(path)}" if path.startswith("/") else _quoted(path)


def source_link(seen: Observation, style: Style) -> str:
    """Return the web address of the file, or "" if it is unknown."""
    if not style.source_url or not seen.workload.document.in_repository:
        return ""
    known = seen.location.precision is not Precision.FILE
    anchor = f"#L{seen.location.file_line}" if known else ""
    return f"{style.source_url}{_quoted(repository_path(seen))}{anchor}"


def split_place(where: str) -> tuple[str, int]:
    """Return path and line of `path[:line[:column]]`, or ("", 1) for ""."""
    match = _PLACE.fullmatch(where)
    return (posix_path(match["path"]), int(match["line"] or 1)) if match else ("", 1)


def _quoted(path: str) -> str:
    return quote(path, safe="/", errors="replace")


MAX_IMAGES: Final = 3
"""Maximum number of containers shown in addition to the reported line."""
_BRIDGE: Final = 2
"""Gaps of up to this many lines are shown instead of omitted."""

_BREAK: Final = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
"""Line breaks of the YAML parser (YAML 1.1, libyaml)."""
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_KEY: Final = re.compile(r"[^\s:]+(?=\s*:(?:\s|$))")
_WORD: Final = re.compile(r"[^\s,\]}]+")


class Mark(Struct, frozen=True):
    """A marked range of a line, in characters.

    Attributes:
        primary: Whether it is the reported location.
    """

    start: int
    length: int
    label: str = ""
    primary: bool = False


class Line(Struct, frozen=True):
    """A line of the source.

    Attributes:
        number: Line number from 1; None for omitted lines.
    """

    number: int | None
    text: str = ""
    marks: tuple[Mark, ...] = ()


def excerpt(observation: Observation) -> tuple[Line, ...]:
    """Return the reported line, the one before it, and the lines of the affected images.

    Empty if the location is not in the document of the workload.
    """
    document = observation.workload.document
    source = _split(document.text)
    location = observation.location
    if location.path != document.path or not 0 < location.line <= len(source):
        return ()
    marks: dict[int, Mark] = {}
    for line, column, label in _images(observation):
        if 0 < line <= len(source):
            marks.setdefault(line, _mark(source, line, column, label=label))
    label = marks[location.line].label if location.line in marks else ""
    marks[location.line] = _mark(source, location.line, location.column, label=label, primary=True)
    return tuple(_lines(source, marks, location.line))


@lru_cache(maxsize=8)
def _split(text: str) -> Sequence[str]:
    return _BREAK.split(text)


def _images(observation: Observation) -> Iterator[tuple[int, int, str]]:
    subjects = {(item.container, item.role): item for item in observation.subjects}
    shown = 0
    for container in observation.workload.containers:
        subject = subjects.get((container.name, container.role.value))
        if subject is not None and shown < MAX_IMAGES:
            shown += 1
            label = runs_on_subject(subject)
            yield container.location.line, container.location.column, label


def _mark(
    source: Sequence[str], line: int, column: int, *, label: str = "", primary: bool = False
) -> Mark:
    text = source[line - 1]
    start = min(max(column - 1, 0), len(text))
    match = next(filter(None, (item.match(text, start) for item in (_QUOTED, _KEY, _WORD))), None)
    length = len(match[0]) if match else 1
    return Mark(start, max(length, 1), label, primary)


def _lines(source: Sequence[str], marks: dict[int, Mark], primary: int) -> Iterator[Line]:
    wanted = set(marks)
    if primary > 1 and source[primary - 2].strip() and not source[primary - 2].startswith("---"):
        wanted.add(primary - 1)
    previous = 0
    for number in sorted(wanted):
        gap = range(previous + 1, number) if previous else range(0)
        if len(gap) > _BRIDGE:
            yield Line(None)
        else:
            yield from (Line(between, source[between - 1]) for between in gap)
        mark = marks.get(number)
        yield Line(number, source[number - 1], (mark,) if mark else ())
        previous = number
