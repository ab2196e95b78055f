"""How the workloads are laid out as a table: rows, and the width of each column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.assessment import Assessment, ImageUse
from auditor.formats import cells
from auditor.formats.cells import Cell
from auditor.formats.outcomes import Result, results
from auditor.formats.pen import Pen, width_of
from auditor.formats.words import may_land, workload_names
from auditor.phrases import unique
from auditor.report import Report

GAP: Final = 2
"""Columns between two cells."""

_WIDE: Final = ("WORKLOAD", "IMAGE", "RUNS ON", "MAY LAND ON", "RESULT")
_WIDE_MINIMA: Final = (48, 26, 18, 11, 24)
_NARROW_MINIMA: Final = (32, 16)
"""Fewer columns than that say too little."""
_ENOUGH: Final = 25
"""Columns for the first rule of a result and the number of the others: names need the rest."""
_LANDING: Final = range(len("MAY LAND ON"), 21)
"""Columns for where a pod may land, beside the name of its workload."""
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

    headers: tuple[Row, ...]
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

    Where there is no room: a line for the workload and where it may land, and one below for each of
    its images, after `lead`.
    """
    header = Row(tuple(cells.plain(title, pen) for title in _WIDE))
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
    landing = cells.plain(may_land(entry.assessment), pen)
    for index, (name, use) in enumerate(_uses(entry.assessment)):
        pair = (cells.image(name, pen), cells.platforms(use, pen))
        if index:
            yield Row((cells.empty, *pair, cells.empty, cells.empty))
        else:
            tail = (landing, cells.result(entry.result, pen))
            yield Row((cells.workload(entry.name, pen), *pair, *tail), entry.result)


def _narrow_headers(pair: tuple[int, int], pen: Pen, lead: str) -> tuple[Row, Row]:
    titles = (cells.plain("WORKLOAD", pen), cells.plain("MAY LAND ON", pen))
    return (
        Row((cells.beside(*titles, pair, GAP), cells.plain("RESULT", pen))),
        Row((cells.plain(f"{lead}image", pen), cells.plain("runs on", pen))),
    )


def _narrow(entry: Entry, pair: tuple[int, int], pen: Pen, lead: str) -> Iterator[Row]:
    landing = cells.plain(may_land(entry.assessment), pen)
    first = cells.beside(cells.workload(entry.name, pen), landing, pair, GAP)
    yield Row((first, cells.result(entry.result, pen)), entry.result)
    for image, use in _uses(entry.assessment):
        yield Row((cells.image(image, pen, lead=lead), cells.platforms(use, pen)))


def _pair(shown: Sequence[Entry], pen: Pen) -> tuple[int, int]:
    """The widths of a workload's name and of where it may land, side by side."""
    names = max(width_of(pen.text(entry.name)) for entry in shown)
    landing = max(width_of(pen.text(may_land(entry.assessment))) for entry in shown)
    return names, min(max(landing, _LANDING[0]), _LANDING[-1])


def _uses(assessment: Assessment) -> tuple[tuple[str, ImageUse], ...]:
    """Each image of a workload once."""
    by_name = {_name(use): use for use in reversed(assessment.uses)}
    return tuple((name, by_name[name]) for name in unique(map(_name, assessment.uses)))


def _name(use: ImageUse) -> str:
    return use.reference.familiar if use.reference else use.container.image


def _widths(
    rows: Sequence[Row], minima: Sequence[int], room: int, wanted: int = 0
) -> tuple[int, ...] | None:
    """Columns for each cell: the widest gives first. None where the minima do not fit.

    wanted: columns for the first cell, to which the last one gives what it has beyond `_ENOUGH`.
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
        widths = _used(rows, widths)  # a text that was shortened may leave room to others
        widths[index] = min(most, widths[index] + room - sum(widths))
    return tuple(widths)


def _used(rows: Sequence[Row], widths: Sequence[int]) -> list[int]:
    return [
        max(width_of(row.cells[index](width)) for row in rows) for index, width in enumerate(widths)
    ]
