"""The workloads of the `pretty` format: images, where the pod may land, and how it came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.formats.layout import GAP, Entry, Layout, Row, entries, lay_out
from auditor.formats.outcomes import MARKS, Outcome
from auditor.formats.pen import Look, Pen, width_of
from auditor.phrases import count
from auditor.report import Report

REASONABLE: Final = 15
"""Up to so many workloads all are listed; beyond it, those in order only on demand."""

_FOUND: Final = (Outcome.ERROR, Outcome.WARNING, Outcome.INFO)
_MARGIN: Final = " " * (1 + GAP)
"""Where the mark stands."""


def workload_table(report: Report, pen: Pen) -> Iterator[str]:
    """The lines of the table, within the width of the style.

    None where it could only repeat that nothing is known of any image.
    """
    everything = entries(report)
    shown = _shown(everything, show_passed=pen.style.show_passed)
    if shown:
        layout = lay_out(shown, pen.style.width - len(_MARGIN), pen)
        for header in layout.headers:
            yield pen.paint(f"{_MARGIN}{_line(header, layout)}".rstrip(), Look.FAINT)
        yield from (_painted(row, layout, pen) for row in layout.rows)
        if hidden := len(everything) - len(shown):
            text = f"{count(hidden, 'other workload')} in order (--show-passed lists them)"
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
    """Whether it has findings, and nobody could tell anything of its images."""
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
