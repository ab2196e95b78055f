"""`table`: every workload with its images in one table, and the totals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.formats import escape
from auditor.formats.interface import Style
from auditor.formats.layout import GAP, Layout, Row, entries, lay_out
from auditor.formats.outcomes import MARKS
from auditor.formats.pen import Pen, width_of
from auditor.formats.totals import totals_lines
from auditor.report import Report

_MARK: Final = 1
_LEAD: Final = "· "
"""In front of an image below its workload: tabulate takes mere spaces away."""


def write_table(report: Report, style: Style) -> str:
    """All workloads, those in order too, within the width of the style."""
    pen = Pen(style)
    blocks = ["\n".join(_problems(report, pen)), "\n".join(totals_lines(report, pen))]
    if report.assessments:
        blocks.insert(0, _table(report, pen))
    return escape.log("\n\n".join(filter(None, blocks)) + "\n")


def _table(report: Report, pen: Pen) -> str:
    """Titles are rows like the others: tabulate makes columns wider than a header of its own."""
    from tabulate import tabulate

    layout = lay_out(entries(report), pen.style.width - _MARK - GAP, pen, _LEAD)
    rows = [("", *layout.texts(header)) for header in layout.headers]
    rows.append(("-" * _MARK, *("-" * width for width in layout.widths)))
    rows += (_row(row, layout, pen) for row in layout.rows)
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return "\n".join(line.rstrip() for line in table.splitlines())


def _row(row: Row, layout: Layout, pen: Pen) -> tuple[str, ...]:
    mark = pen.glyph(MARKS[row.result.outcome][0]) if row.result else ""
    return (mark, *map(_even, layout.texts(row)))


def _even(text: str) -> str:
    """The same width with each character one column wide, which tabulate takes for granted."""
    return "".join(c if width_of(c) == 1 else "?" * width_of(c) for c in text)


def _problems(report: Report, pen: Pen) -> Iterator[str]:
    for problem in report.problems:
        where = f"{problem.where}: " if problem.where else ""
        yield from pen.wrap(pen.text(f"not audited: {where}{problem.what}"))
