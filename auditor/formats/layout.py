"""Layout of the workload table: cells that fit a width, rows and column widths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from auditor.audit.report import Report
from auditor.checks.assessment import Assessment, ImageUse
from auditor.checks.wording import unique
from auditor.formats.summary import Result, results
from auditor.formats.terminal import Pen, cut, width_of
from auditor.formats.wording import may_land, runs_on_use, workload_names

Cell = Callable[[int], str]
"""Function that returns text of at most the given width."""

_DIGEST: Final = re.compile(r"@(sha\d+:)([0-9a-f]{7})[0-9a-f]+$")
_SHORT_KINDS: Final = {
    "CronJob": "cj",
    "DaemonSet": "ds",
    "Deployment": "deploy",
    "Pod": "po",
    "ReplicaSet": "rs",
    "ReplicationController": "rc",
    "StatefulSet": "sts",
}
"""Short names of `kubectl api-resources`."""
_DETAILS: Final = (3, 2, 0)
"""Limits for the words per operating system of an image, tried in order."""


def empty(width: int) -> str:
    del width
    return ""


def plain(text: str, pen: Pen) -> Cell:
    """Return a cell that cuts the middle of a text."""
    return lambda width: cut(pen.text(text), width, pen.glyph("…"))


def side_by_side(left: Cell, right: Cell, widths: tuple[int, int], gap: int) -> Cell:
    """Join two cells with maximum widths; the left one shrinks first."""

    def both(width: int) -> str:
        room = max(min(widths[0], width - gap - widths[1]), 0)
        text = left(room)
        return f"{text}{' ' * (room - width_of(text) + gap)}{right(widths[1])}"

    return both


def workload(text: str, pen: Pen) -> Cell:
    """Return a cell for a workload name, which abbreviates the kind before it cuts the middle."""
    return partial(_workload, pen.text(text), pen=pen)


def image(text: str, pen: Pen, *, lead: str = "") -> Cell:
    """Return a cell for an image, which shortens first the digest, then the path, then the rest."""
    return partial(_image, pen.text(text) or "(none)", lead=pen.glyph(lead), pen=pen)


def platforms(use: ImageUse, pen: Pen) -> Cell:
    """Return a cell for the platforms of an image."""
    return partial(_platforms, use, pen=pen)


def result(item: Result, pen: Pen) -> Cell:
    """Return a cell for all rules or, if they do not fit, the first one and a count."""
    return partial(_result, item, pen=pen)


def _workload(text: str, width: int, *, pen: Pen) -> str:
    kind, slash, name = text.partition("/")
    if width_of(text) > width and kind in _SHORT_KINDS:
        text = f"{_SHORT_KINDS[kind]}{slash}{name}"
    return cut(text, width, pen.glyph("…"))


def _image(text: str, width: int, *, lead: str, pen: Pen) -> str:
    dots = pen.glyph("…")
    room = width - width_of(lead)
    short = _DIGEST.sub(rf"@\2{dots}", text)
    parts = short.split("/")
    candidates = [_DIGEST.sub(rf"@\1\2{dots}", text), short]
    candidates += ["/".join((dots, *parts[index:])) for index in range(1, len(parts))]
    fitting = (candidate for candidate in candidates if width_of(candidate) <= room)
    return cut(lead + next(fitting, cut(candidates[-1], room, dots)), width, dots)


def _platforms(use: ImageUse, width: int, *, pen: Pen) -> str:
    texts = [pen.text(runs_on_use(use, limit)) for limit in _DETAILS]
    fitting = (text for text in texts if width_of(text) <= width)
    return next(fitting, cut(texts[-1], width, pen.glyph("…")))


def _result(item: Result, width: int, *, pen: Pen) -> str:
    text = pen.text(str(item))
    if width_of(text) > width and len(item.rules) > 1 and not item.text:
        more = f" +{len(item.rules) - 1}"
        return cut(pen.text(item.rules[0]), width - len(more), pen.glyph("…")) + more
    return cut(text, width, pen.glyph("…"))


GAP: Final = 2
"""Columns between two cells."""

_WIDE: Final = ("WORKLOAD", "IMAGE", "RUNS ON", "MAY LAND ON", "RESULT")
_WIDE_MINIMA: Final = (48, 26, 18, 11, 24)
_NARROW_MINIMA: Final = (32, 16)
"""Minimum column widths."""
_ENOUGH: Final = 25
"""Width for the first rule of a result and the count of others."""
_LANDING: Final = range(len("MAY LAND ON"), 21)
"""Range of widths for the pools, next to the workload name."""
_UNLIMITED: Final = 10_000


class Entry(Struct, frozen=True):
    """A workload of the table."""

    assessment: Assessment
    name: str
    result: Result


class Row(Struct, frozen=True):
    """A line of the table.

    Attributes:
        result: Set in the first line of a workload.
    """

    cells: tuple[Cell, ...]
    result: Result | None = None


class Layout(Struct, frozen=True):
    """Table with column widths.

    Attributes:
        headers: One or two lines of titles.
        widths: Widths of the columns, which are separated by `GAP`.
    """

    headers: tuple[Row, ...]
    rows: tuple[Row, ...]
    widths: tuple[int, ...]

    def texts(self, row: Row) -> tuple[str, ...]:
        """Return the cells of a row, cut to the column widths."""
        return tuple(cell(width) for cell, width in zip(row.cells, self.widths, strict=True))


def entries(report: Report) -> tuple[Entry, ...]:
    """Return the workloads in the order of the report."""
    return tuple(map(Entry, report.assessments, workload_names(report), results(report)))


def lay_out(shown: Sequence[Entry], room: int, pen: Pen, lead: str = "  ") -> Layout:
    """Lay out a table with one line per image.

    If that is too wide, the workload has a line of its own and the lines of its images start with
    `lead`.
    """
    header = Row(tuple(plain(title, pen) for title in _WIDE))
    rows = tuple(row for entry in shown for row in _wide(entry, pen))
    widths = _widths((header, *rows), _WIDE_MINIMA, room)
    if widths is not None:
        return Layout((header,), rows, widths)
    pair = _pair(shown, pen)
    headers = _narrow_headers(pair, pen, lead)
    rows = tuple(row for entry in shown for row in _narrow(entry, pair, pen, lead))
    widths = _widths((*headers, *rows), _NARROW_MINIMA, room, sum(pair) + GAP)
    return Layout(headers, rows, widths or _NARROW_MINIMA)


def _wide(entry: Entry, pen: Pen) -> Iterator[Row]:
    landing = plain(may_land(entry.assessment), pen)
    for index, (name, use) in enumerate(_uses(entry.assessment)):
        pair = (image(name, pen), platforms(use, pen))
        if index:
            yield Row((empty, *pair, empty, empty))
        else:
            tail = (landing, result(entry.result, pen))
            yield Row((workload(entry.name, pen), *pair, *tail), entry.result)


def _narrow_headers(pair: tuple[int, int], pen: Pen, lead: str) -> tuple[Row, Row]:
    titles = (plain("WORKLOAD", pen), plain("MAY LAND ON", pen))
    return (
        Row((side_by_side(*titles, pair, GAP), plain("RESULT", pen))),
        Row((plain(f"{lead}image", pen), plain("runs on", pen))),
    )


def _narrow(entry: Entry, pair: tuple[int, int], pen: Pen, lead: str) -> Iterator[Row]:
    landing = plain(may_land(entry.assessment), pen)
    first = side_by_side(workload(entry.name, pen), landing, pair, GAP)
    yield Row((first, result(entry.result, pen)), entry.result)
    for name, use in _uses(entry.assessment):
        yield Row((image(name, pen, lead=lead), platforms(use, pen)))


def _pair(shown: Sequence[Entry], pen: Pen) -> tuple[int, int]:
    """Return the widths of workload names and pools in the narrow layout."""
    names = max(width_of(pen.text(entry.name)) for entry in shown)
    landing = max(width_of(pen.text(may_land(entry.assessment))) for entry in shown)
    return names, min(max(landing, _LANDING[0]), _LANDING[-1])


def _uses(assessment: Assessment) -> tuple[tuple[str, ImageUse], ...]:
    """Return each image of a workload once."""
    by_name = {_name(use): use for use in reversed(assessment.uses)}
    return tuple((name, by_name[name]) for name in unique(map(_name, assessment.uses)))


def _name(use: ImageUse) -> str:
    return use.reference.familiar if use.reference else use.container.image


def _widths(
    rows: Sequence[Row], minima: Sequence[int], room: int, wanted: int = 0
) -> tuple[int, ...] | None:
    """Return column widths, or None if the minima do not fit. The widest column shrinks first.

    Args:
        rows: The rows.
        minima: Minimum widths.
        room: Total width.
        wanted: Width of the first column, for which the last one shrinks to `_ENOUGH`.
    """
    natural = _used(rows, [_UNLIMITED] * len(minima))
    floor = [min(*pair) for pair in zip(natural, minima, strict=True)]
    room -= GAP * (len(minima) - 1)
    if sum(floor) > room:
        return None
    widths = list(natural)
    widths[-1] -= max(min(widths[-1] - _ENOUGH, wanted + widths[-1] - room), 0)
    while sum(widths) > room:
        over = [index for index, width in enumerate(widths) if width > floor[index]]
        widths[max(over, key=lambda index: (index < len(widths) - 1, widths[index]))] -= 1
    for index, most in enumerate(natural):
        widths = _used(rows, widths)  # shortened text may be narrower than its column
        widths[index] = min(most, widths[index] + room - sum(widths))
    return tuple(widths)


def _used(rows: Sequence[Row], widths: Sequence[int]) -> list[int]:
    return [
        max(width_of(row.cells[index](width)) for row in rows) for index, width in enumerate(widths)
    ]
