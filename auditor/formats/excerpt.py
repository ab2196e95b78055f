"""Where a finding is, as code hosts want it: the path from the root of its repository.

The lines of a document that a finding is about, with what is to be pointed at in them.
"""

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


MAX_IMAGES: Final = 3
"""Containers that are shown besides the guilty line."""
_BRIDGE: Final = 2
"""A gap of so many lines is shown rather than left out."""

_BREAK: Final = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
"""What the YAML parser counts as the end of a line (YAML 1.1, libyaml)."""
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_KEY: Final = re.compile(r"[^\s:]+(?=\s*:(?:\s|$))")
_WORD: Final = re.compile(r"[^\s,\]}]+")


class Mark(Struct, frozen=True):
    """What to point at in a line: offset and length in characters. primary: the guilty place."""

    start: int
    length: int
    label: str = ""
    primary: bool = False


class Line(Struct, frozen=True):
    """A line of the source. number: from 1; None stands for lines left out."""

    number: int | None
    text: str = ""
    marks: tuple[Mark, ...] = ()


def excerpt(observation: Observation) -> tuple[Line, ...]:
    """The guilty line with the one before it, and the lines of the images concerned.

    Empty where the location is not in the workload's document.
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
