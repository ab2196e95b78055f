"""The last line of a report for people: the verdict, what was looked at, and what qualifies it."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.formats.marks import MARKS
from auditor.formats.pen import TIE, Pen
from auditor.formats.words import Outcome, reservations, scope, verdict, worst
from auditor.report import Report


def totals_lines(report: Report, pen: Pen) -> Iterator[str]:
    """One line, wrapped between its parts where the terminal is narrow."""
    mark, look = MARKS[overall(report)]
    clean = overall(report) is Outcome.OK
    start = f"{verdict(report)} in {scope(report)}" if clean else verdict(report)
    parts = [start, *(() if clean else (scope(report),)), *reservations(report)]
    dot = pen.glyph("·")
    whole = f" {dot} ".join(pen.glyph(part).replace(" ", TIE) for part in parts)
    yield from (pen.paint(line, look) for line in pen.wrap(whole, f"{pen.glyph(mark)} "))


def overall(report: Report) -> Outcome:
    """The outcome of the whole audit."""
    severity = worst(report)
    if severity is not None:
        return Outcome(str(severity))
    return Outcome.UNKNOWN if report.incomplete else Outcome.OK
