"""The last line of a report for people: the verdict, what was looked at, and what qualifies it."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.formats.outcomes import MARKS, Outcome
from auditor.formats.pen import TIE, Pen
from auditor.phrases import count
from auditor.report import Report
from auditor.suppression.statements import Layer


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
    """The outcome of the whole audit: that of its worst finding."""
    if report.findings:
        return Outcome(str(max(finding.severity for finding in report.findings)))
    return Outcome.UNKNOWN if report.incomplete else Outcome.OK


def verdict(report: Report) -> str:
    """What was found, such as `2 errors, 1 warning`, or that nothing was."""
    totals = report.totals
    parts = ((totals.errors, "error"), (totals.warnings, "warning"), (totals.infos, "info"))
    if report.findings:
        return ", ".join(count(number, noun) for number, noun in parts if number)
    return "No findings, but the audit is incomplete" if report.incomplete else "No problems"


def scope(report: Report) -> str:
    """`12 workloads, 9 images`."""
    totals = report.totals
    return f"{count(totals.workloads, 'workload')}, {count(totals.images, 'image')}"


def reservations(report: Report) -> tuple[str, ...]:
    """What qualifies the verdict: suppressed, unresolved, not stated, undecided, incomplete."""
    totals = report.totals
    parts = (
        (totals.suppressed, _suppressed(report)),
        (totals.unresolved, f"{count(totals.unresolved, 'image')} unresolved"),
        (totals.unstated, f"{count(totals.unstated, 'workload')} without a stated image"),
        (totals.undecided, f"{count(totals.undecided, 'placement')} undecided"),
        (totals.problems, f"{count(totals.problems, 'part')} not audited"),
        (report.incomplete and bool(report.findings), "audit incomplete"),
    )
    return tuple(text for number, text in parts if number)


def _suppressed(report: Report) -> str:
    """How many, and how many of them because they were there before."""
    baselined = sum(item.by == Layer.BASELINE.value for item in report.suppressed)
    known = f" ({baselined} by the baseline)" if baselined else ""
    return f"{len(report.suppressed)} suppressed{known}"
