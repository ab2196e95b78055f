"""The format `table`, and the workload table of the format `pretty`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.audit.report import Report
from auditor.checks.wording import count
from auditor.formats import escape
from auditor.formats.catalog import Style
from auditor.formats.layout import GAP, Entry, Layout, Row, entries, lay_out
from auditor.formats.summary import MARKS, Outcome, totals_lines
from auditor.formats.terminal import Look, Pen, width_of

_MARK: Final = 1
_LEAD: Final = "· "
"""Prefix of an image below its workload; tabulate removes leading spaces."""


def write_table(report: Report, style: Style) -> str:
    """Write all workloads, including passed ones."""
    pen = Pen(style)
    blocks = ["\n".join(_problems(report, pen)), "\n".join(totals_lines(report, pen))]
    if report.assessments:
        blocks.insert(0, _table(report, pen))
    return escape.log("\n\n".join(filter(None, blocks)) + "\n")


def _table(report: Report, pen: Pen) -> str:
    """Return the table; titles are plain rows, since tabulate widens columns with headers."""
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
    """Replace wide characters by text of the same width, since tabulate counts characters."""
    return "".join(c if width_of(c) == 1 else "?" * width_of(c) for c in text)


def _problems(report: Report, pen: Pen) -> Iterator[str]:
    for problem in report.problems:
        where = f"{problem.where}: " if problem.where else ""
        yield from pen.wrap(pen.text(f"not audited: {where}{problem.what}"))


REASONABLE: Final = 15
"""Above this number of workloads, passed ones are listed only with --show-passed."""

_FOUND: Final = (Outcome.ERROR, Outcome.WARNING, Outcome.INFO)
_MARGIN: Final = " " * (1 + GAP)
"""Width of the mark."""


def workload_table(report: Report, pen: Pen) -> Iterator[str]:
    """Yield the lines of the table; none if the platforms of all images are unknown."""
    everything = entries(report)
    shown = _shown(everything, show_passed=pen.style.show_passed)
    if shown:
        layout = lay_out(shown, pen.style.width - len(_MARGIN), pen)
        for header in layout.headers:
            yield pen.paint(f"{_MARGIN}{_line(header, layout)}".rstrip(), Look.FAINT)
        yield from (_painted(row, layout, pen) for row in layout.rows)
        if hidden := len(everything) - len(shown):
            text = f"{count(hidden, 'other workload')} passed (--show-passed lists them)"
            yield pen.paint(f"{_MARGIN}{text}", Look.FAINT)


def _shown(everything: Sequence[Entry], *, show_passed: bool) -> Sequence[Entry]:
    if show_passed:
        return everything
    if all(map(_is_unknown, everything)):
        return ()
    if len(everything) <= REASONABLE:
        return everything
    return [entry for entry in everything if entry.result.outcome is not Outcome.OK]


def _is_unknown(entry: Entry) -> bool:
    """Return whether a workload has findings and the platforms of all its images are unknown."""
    uses = entry.assessment.uses
    found = entry.result.outcome in _FOUND
    return found and bool(uses) and all(use.known is None for use in uses)


def _line(row: Row, layout: Layout) -> str:
    return (" " * GAP).join(
        text + " " * (width - width_of(text))
        for text, width in zip(layout.texts(row), layout.widths, strict=True)
    )


def _painted(row: Row, layout: Layout, pen: Pen) -> str:
    line = _line(row, layout).rstrip()
    if row.result is None:
        return f"{_MARGIN}{line}"
    mark, look = MARKS[row.result.outcome]
    last = layout.texts(row)[-1]
    sign = pen.paint(pen.glyph(mark), look)
    return f"{sign}{' ' * GAP}{line.removesuffix(last)}{pen.paint(last, look)}"
