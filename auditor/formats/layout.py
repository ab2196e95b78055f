"""How the workloads are laid out as a table: rows, and the width of each column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.assessment import Assessment, ImageUse
from auditor.formats import cells
from auditor.formats.cells import Cell
from auditor.formats.pen import Pen, width_of
from auditor.formats.words import Result, may_land, results, workload_names
from auditor.phrases import unique
from auditor.report import Report

GAP: Final = 2
"""Columns between two cells."""

_WIDE: Final = (("WORKLOAD", "IMAGE", "RUNS ON", "MAY LAND ON", "RESULT"),)
_WIDE_MINIMA: Final = (26, 26, 18, 11, 24)
_NARROW: Final = (("WORKLOAD", "MAY LAND ON", "RESULT"), ("image", "runs on", ""))
_NARROW_MINIMA: Final = (16, 11, 12)
"""Fewer columns than that say too little."""
_UNLIMITED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A workload as it is listed."""

    assessment: Assessment
    name: str
    result: Result


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. result: only in the first line of a workload."""

    cells: tuple[Cell, ...]
    result: Result | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """headers: one or two lines of titles. widths: of the columns, `GAP` between them."""

    headers: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]
    widths: tuple[int, ...]

    def texts(self, row: Row) -> tuple[str, ...]:
        """The cells of a row as they fit."""
        return tuple(cell(width) for cell, width in zip(row.cells, self.widths, strict=True))


def entries(report: Report) -> tuple[Entry, ...]:
    """The workloads in the order of the report."""
    return tuple(map(Entry, report.assessments, workload_names(report), results(report)))


def lay_out(shown: Sequence[Entry], room: int, pen: Pen, lead: str = "  ") -> Layout:
    """A line for each image.

    Where there is no room: a line for the workload, and one below for each of its images, after
    `lead`.
    """
    rows = tuple(row for entry in shown for row in _wide(entry, pen))
    widths = _widths(rows, _WIDE, _WIDE_MINIMA, room)
    if widths is not None:
        return Layout(_WIDE, rows, widths)
    first, below = _NARROW
    headers = (first, (pen.glyph(lead) + below[0], *below[1:]))
    rows = tuple(row for entry in shown for row in _narrow(entry, pen, lead))
    return Layout(headers, rows, _widths(rows, headers, _NARROW_MINIMA, room) or _NARROW_MINIMA)


def _wide(entry: Entry, pen: Pen) -> Iterator[Row]:
    landing = cells.plain(may_land(entry.assessment), pen)
    for index, (name, use) in enumerate(_uses(entry.assessment)):
        pair = (cells.image(name, pen), cells.platforms(use, pen))
        if index:
            yield Row((cells.empty, *pair, cells.empty, cells.empty))
        else:
            tail = (landing, cells.result(entry.result, pen))
            yield Row((cells.workload(entry.name, pen), *pair, *tail), entry.result)


def _narrow(entry: Entry, pen: Pen, lead: str) -> Iterator[Row]:
    landing = cells.plain(may_land(entry.assessment), pen)
    result = cells.result(entry.result, pen)
    yield Row((cells.workload(entry.name, pen), landing, result), entry.result)
    for name, use in _uses(entry.assessment):
        yield Row((cells.image(name, pen, lead=lead), cells.platforms(use, pen), cells.empty))


def _uses(assessment: Assessment) -> tuple[tuple[str, ImageUse], ...]:
    """Each image of a workload once."""
    by_name = {_name(use): use for use in reversed(assessment.uses)}
    return tuple((name, by_name[name]) for name in unique(map(_name, assessment.uses)))


def _name(use: ImageUse) -> str:
    return use.reference.familiar if use.reference else use.container.image


def _widths(
    rows: Sequence[Row], headers: Sequence[Sequence[str]], minima: Sequence[int], room: int
) -> tuple[int, ...] | None:
    """Columns for each cell: the widest gives first. None where the minima do not fit."""
    titles = [max(map(width_of, column)) for column in zip(*headers, strict=True)]
    natural = _used(rows, titles, [_UNLIMITED] * len(titles))
    floor = [min(*pair) for pair in zip(natural, minima, strict=True)]
    room -= GAP * (len(titles) - 1)
    if sum(floor) > room:
        return None
    widths = list(natural)
    while sum(widths) > room:
        over = [index for index, width in enumerate(widths) if width > floor[index]]
        widths[max(over, key=lambda index: (index < len(widths) - 1, widths[index]))] -= 1
    for index, wanted in enumerate(natural):
        widths = _used(rows, titles, widths)  # a text that was shortened may leave room to others
        widths[index] = min(wanted, widths[index] + room - sum(widths))
    return tuple(widths)


def _used(rows: Sequence[Row], titles: Sequence[int], widths: Sequence[int]) -> list[int]:
    return [
        max(min(title, width), *(width_of(row.cells[index](width)) for row in rows))
        for index, (title, width) in enumerate(zip(titles, widths, strict=True))
    ]
