"""`pretty`: for people at a terminal. Problems first, then the workloads, then the totals."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from auditor.formats import escape
from auditor.formats.frames import finding_frame, problem_frame
from auditor.formats.interface import Style
from auditor.formats.pen import Look, Pen
from auditor.formats.repetition import blocks, gathered
from auditor.formats.totals import totals_lines
from auditor.formats.words import rule_urls
from auditor.formats.workload_table import workload_table
from auditor.report import Report


def write_pretty(report: Report, style: Style) -> str:
    """The report for a terminal, within the width of the style. Quiet, it may be empty."""
    pen = Pen(style)
    parts = ["\n".join(lines) for lines in _parts(report, pen)]
    return escape.log("".join(f"{part}\n\n" for part in parts if part).removesuffix("\n"))


def _parts(report: Report, pen: Pen) -> Iterator[Iterator[str]]:
    urls = rule_urls(report)
    for block in blocks(report.findings, pen):
        yield finding_frame(block, report, pen, urls.get(block.finding.rule, ""))
    for problems in gathered(report.problems):
        yield problem_frame(problems, pen)
    if pen.style.quiet:
        if report.findings or report.incomplete:
            yield totals_lines(report, pen)
        return
    for notice in report.notices:
        yield pen.wrap(f"note: {pen.text(notice)}")
    if len(report.assessments) > 1 or report.findings:
        yield workload_table(report, pen)
    yield _end(report, pen)


def _end(report: Report, pen: Pen) -> Iterator[str]:
    yield from totals_lines(report, pen)
    if report.findings:
        rule = pen.text(max(report.findings, key=attrgetter("severity")).rule)
        yield pen.paint(f"  Explain a rule: podfit rules {rule}", Look.FAINT)
