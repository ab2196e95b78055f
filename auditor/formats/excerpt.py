"""The lines of a document that a finding is about, with what is to be pointed at in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from auditor.findings import Observation
from auditor.formats.words import runs_on_subject

MAX_IMAGES: Final = 3
"""Containers that are shown besides the guilty line."""
_BRIDGE: Final = 2
"""A gap of so many lines is shown rather than left out."""

_BREAK: Final = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
"""What the YAML parser counts as the end of a line (YAML 1.1, libyaml)."""
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_KEY: Final = re.compile(r"[^\s:]+(?=\s*:(?:\s|$))")
_WORD: Final = re.compile(r"[^\s,\]}]+")


@dataclass(frozen=True, slots=True)
class Mark:
    """What to point at in a line: offset and length in characters. primary: the guilty place."""

    start: int
    length: int
    label: str = ""
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Line:
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
